// Signing in with the device: the only thing on these pages that needs a script.
// Text is never made here; what can be said already stands in the page.
"use strict";
for (const block of document.querySelectorAll("[data-passkey]")) {
  const failed = block.querySelector("[data-failed]");
  const buttons = block.querySelectorAll("button[data-act]");

  const post = async (address, body) => {
    const headers = { "content-type": "application/json", accept: "application/json" };
    if (block.dataset.csrf) headers["x-csrf-token"] = block.dataset.csrf;
    const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error("refused");
    return answer.json();
  };

  const go = async ({ act, options, answer }) => {
    const asked = await post(options, {});
    const given = asked.publicKey ?? asked;
    const publicKey =
      act === "create"
        ? PublicKeyCredential.parseCreationOptionsFromJSON(given)
        : PublicKeyCredential.parseRequestOptionsFromJSON(given);
    const credential = await navigator.credentials[act]({ publicKey });
    const { next } = await post(answer, { credential: credential.toJSON(), next: block.dataset.next });
    // Only a page of our own, whatever the answer says.
    const page = new URL(next, location.origin);
    if (page.origin !== location.origin) throw new Error("elsewhere");
    location.assign(page.href);
  };

  for (const button of buttons) {
    button.addEventListener("click", async () => {
      failed.hidden = true;
      for (const each of buttons) each.disabled = true;
      try {
        await go(button.dataset);
      } catch {
        failed.hidden = false;
        for (const each of buttons) each.disabled = false;
        button.focus();
      }
    });
  }
}
