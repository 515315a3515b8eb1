// The page that checks a log or a receipt: whatever is dropped here stays in this window.
const block = document.querySelector("[data-check]");
// The same file that an auditor downloads; its address carries a hash of it. It is fetched with the first check.
let fetched;
const verifier = () => (fetched ??= fetchVerifier());
const fetchVerifier = async () => {
  try {
    const [all, mlDsa] = await Promise.all([import(block.dataset.verifier), import(block.dataset.mlDsa)]);
    all.useMlDsa(mlDsa.verify);
    return all;
  } catch (fault) {
    fetched = undefined;
    throw fault;
  }
};
const shown = block.querySelector("[data-found]");
const work = block.querySelector("[data-work]");
const trust = block.querySelector("[data-vkey]");
const log = block.dataset.check;

// What the verifier says and the page says instead: {1} stands for what the verifier fills in.
const plain = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const wordsOfPage = () =>
  [...block.querySelectorAll("[data-said]")].map((line) => ({
    pattern: new RegExp(`^${line.dataset.said.split(/\{\d\}/).map(plain).join("(.+?)")}$`, "s"),
    own: line.textContent,
  }));

/** A sentence of the verifier in the language of the page; one that the page does not know stays English. */
const worded = (sentence, words) => {
  for (const { pattern, own } of words) {
    const filled = pattern.exec(sentence);
    if (filled) return { text: own.replace(/\{(\d)\}/g, (_, place) => filled[place]), language: null };
  }
  return { text: sentence, language: "en" };
};

const show = (report) => {
  for (const one of block.querySelectorAll("[data-verdict]")) one.hidden = one.dataset.verdict !== report.verdict;
  const list = shown.querySelector("[data-lines]");
  const words = wordsOfPage();
  list.replaceChildren(
    ...report.sentences.map((sentence) => {
      const line = document.createElement("li");
      const { text, language } = worded(sentence, words);
      line.textContent = text;
      if (language) line.lang = language;
      return line;
    }),
  );
  shown.hidden = false;
  shown.focus();
};

const doing = async (task) => {
  shown.hidden = true;
  work.hidden = false;
  try {
    show(await task());
  } catch {
    show({ verdict: "UNCHECKED", sentences: [] });
  } finally {
    work.hidden = true;
  }
};

const vkeys = () => (trust.value.trim() ? [trust.value.trim()] : []);

const checkFiles = async (files) => {
  const { logOfFiles, verifyLog, verifyReceipt } = await verifier();
  if (files.length === 1 && files[0].name !== "checkpoint") {
    const own = vkeys().length ? null : await (await fetch(`/log/${log}/policy`)).text();
    return verifyReceipt({ answer: await files[0].text(), vkeys: vkeys(), policy: own });
  }
  // A folder: paths begin with its own name, whatever that is.
  const found = new Map();
  for (const file of files) found.set(file.webkitRelativePath.replace(/^[^/]*\//, "") || file.name, file);
  const openings = found.get("openings.ndjson");
  return verifyLog({ source: logOfFiles(found), vkeys: vkeys(), openings: openings ? await openings.text() : null });
};

block.querySelector("[data-live]").addEventListener("click", () => {
  doing(async () => {
    const { logAt, verifyLog } = await verifier();
    return verifyLog({ source: logAt(`/log/${log}`), vkeys: vkeys() });
  });
});
for (const input of block.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => input.files.length && doing(() => checkFiles([...input.files])));
}
block.addEventListener("dragover", (event) => event.preventDefault());
block.addEventListener("drop", (event) => {
  event.preventDefault();
  const files = [...event.dataTransfer.files];
  if (files.length) doing(() => checkFiles(files));
});
