// Finds a citizen's own entries in the public log and compares them with what her page shows. Her key stays in this
// browser: everything that is fetched here is public and the same for everybody. The formats: docs/reference/ledger.md.
// Text is never made here; what can be said already stands in the page.
const box = document.querySelector("#scan");
const list = document.querySelector("#scan-found");
const progress = document.querySelector("#scan-progress");
const verdicts = ["good", "bad", "failed"].map((name) => document.querySelector(`#scan-${name}`));
const utf8 = new TextEncoder();
const HMAC = { name: "HMAC", hash: "SHA-256" };

const joined = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
const same = (a, b) => a.length === b.length && a.every((octet, place) => octet === b[place]);
const sha256 = async (octets) => new Uint8Array(await crypto.subtle.digest("SHA-256", octets));
const hmacKey = (octets) => crypto.subtle.importKey("raw", octets, HMAC, false, ["sign"]);
const hmac = async (key, octets) => new Uint8Array(await crypto.subtle.sign("HMAC", key, octets));
const unbase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

const SUBJECT = joined(utf8.encode("subject\0"), new Uint8Array(32));
const CONSENT = utf8.encode("consent\0");
const AUDIT = utf8.encode("audit\0");
const DETAIL = utf8.encode("detail\0");

function unbase32(text) {
  const octets = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter);
    if (value < 0) throw new Error("letter");
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      octets.push((held >> bits) & 255);
      held &= (1 << bits) - 1;
    }
  }
  return new Uint8Array(octets);
}

async function readKeys(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  const format = "consent-audit-key/v1";
  if (lines.shift() !== format) throw new Error("not a key file");
  const keys = new Map();
  for (const line of lines) {
    const [origin, ...written] = line.split(" ");
    const letters = written.join("").replace(/[\s-]/g, "").toUpperCase();
    const octets = letters.startsWith("CAK1") ? unbase32(letters.slice(4)) : new Uint8Array();
    const check = await sha256(joined(utf8.encode(`${format}\n${origin}\n`), octets.slice(0, 32)));
    if (octets.length !== 35 || !same(check.slice(0, 3), octets.slice(32))) throw new Error("a wrong letter");
    keys.set(origin, octets.slice(0, 32));
  }
  return keys;
}

function readShown(text) {
  const [first, ...rest] = text.split("\n").filter((line) => line.trim());
  const { format, logs } = JSON.parse(first);
  if (format !== "consent-openings/v1") throw new Error("not a file with openings");
  return { sizes: logs, openings: rest.map((line) => JSON.parse(line)) };
}

async function get(address) {
  const answer = await fetch(address, { credentials: "omit" });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error("not fetched");
  return new Uint8Array(await answer.arrayBuffer());
}

async function readCheckpoint(log) {
  const note = new TextDecoder().decode(await get(`/log/${log}/checkpoint`));
  const border = note.lastIndexOf("\n\n");
  const body = note.slice(0, border + 1);
  const [origin, size, root] = body.split("\n");
  const policy = new TextDecoder().decode(await get(`/log/${log}/policy`));
  let signed = false;
  for (const line of policy.split("\n").filter((one) => one.startsWith(`log ${origin}+`))) {
    const [, name, id, key] = /^log (.+)\+([0-9a-f]{8})\+(.+)$/.exec(line.trim());
    const octets = unbase64(key);
    if (octets[0] !== 1) continue; // another kind of key
    for (const signature of note.slice(border + 2).split("\n").filter((one) => one.startsWith(`\u2014 ${name} `))) {
      const raw = unbase64(signature.split(" ")[2]);
      if ([...raw.slice(0, 4)].map((octet) => octet.toString(16).padStart(2, "0")).join("") !== id) continue;
      let own;
      try {
        own = await crypto.subtle.importKey("raw", octets.slice(1), "Ed25519", false, ["verify"]);
      } catch {
        signed = true; // a browser without Ed25519: the root is compared all the same
        continue;
      }
      signed = await crypto.subtle.verify("Ed25519", own, raw.slice(4), utf8.encode(body));
      if (!signed) return null;
    }
  }
  return signed ? { origin, size: Number(size), root: unbase64(root) } : null;
}

function bundlePath(n) {
  let place = String(n % 1000).padStart(3, "0");
  for (n = Math.floor(n / 1000); n; n = Math.floor(n / 1000)) place = `x${String(n % 1000).padStart(3, "0")}/${place}`;
  return `tile/entries/${place}`;
}

async function readBundle(log, n, width) {
  const path = `/log/${log}/${bundlePath(n)}`;
  const octets = (width < 256 && (await get(`${path}.p/${width}`))) || (await get(path));
  const leaves = [];
  for (let place = 0; octets && leaves.length < width && place + 2 <= octets.length; ) {
    const length = octets[place] * 256 + octets[place + 1];
    leaves.push(octets.slice(place + 2, place + 2 + length));
    place += 2 + length;
  }
  return leaves;
}

const node = (left, right) => sha256(joined([1], left, right));

async function fold(hashes) {
  while (hashes.length > 1) {
    const pairs = [];
    for (let k = 0; k + 1 < hashes.length; k += 2) pairs.push(node(hashes[k], hashes[k + 1]));
    const above = await Promise.all(pairs);
    if (hashes.length % 2) above.push(hashes[hashes.length - 1]);
    hashes = above;
  }
  return hashes[0];
}

async function isHers(scan, leaf) {
  if (leaf[4] !== 0 || leaf.length !== 152) return false;
  const secret = await hmacKey(await hmac(scan, leaf.slice(8, 24)));
  return same(await hmac(secret, SUBJECT), leaf.slice(24, 56));
}

async function isUnder(grants, leaf) {
  if (leaf[4] !== 0) return false;
  for (const key of grants) if (same(await hmac(key, joined(CONSENT, leaf.slice(8, 24))), leaf.slice(56, 88))) return true;
  return false;
}

async function agrees(opening, leaf, origin) {
  const says = JSON.parse(opening.A);
  const commits = async (key, words, from) =>
    same(await hmac(await hmacKey(unbase64(key)), words), leaf.slice(from, from + 32));
  return (
    says.o === origin &&
    says.i === opening.i &&
    (await commits(opening.kc, joined(CONSENT, leaf.slice(8, 24)), 56)) &&
    (await commits(opening.a, joined(AUDIT, utf8.encode(opening.A)), 88)) &&
    (await commits(opening.d, joined(DETAIL, utf8.encode(opening.D)), 120))
  );
}

async function scanLog(log, keys, shown, tell, step) {
  const checkpoint = await readCheckpoint(log);
  if (!checkpoint) return tell("broken", log);
  const { origin, size, root } = checkpoint;
  if (!keys.has(origin)) return tell("nokey", origin);
  const scan = await hmacKey(keys.get(origin));
  const mine = new Map(
    shown.openings.filter((one) => JSON.parse(one.A).o === origin).map((one) => [one.i, one]),
  );
  const grants = await Promise.all([...new Set([...mine.values()].map((one) => one.kc))].map((kc) => hmacKey(unbase64(kc))));
  const whole = new Map(); // height -> root of a full subtree, as a counter carries
  const met = new Set();
  let tail = null;
  for (let n = 0; n * 256 < size; n += 1) {
    const width = Math.min(256, size - n * 256);
    const leaves = await readBundle(log, n, width);
    if (leaves.length !== width) return tell("broken", log);
    let hash = await fold(await Promise.all(leaves.map((leaf) => sha256(joined([0], leaf)))));
    const hers = await Promise.all(leaves.map((leaf) => isHers(scan, leaf)));
    for (const [place, leaf] of leaves.entries()) {
      const index = n * 256 + place;
      if (hers[place]) {
        met.add(index);
        if (!mine.has(index)) tell(index < (shown.sizes[origin] ?? 0) ? "hidden" : "newer", `${log}/${index}`);
        else tell((await agrees(mine.get(index), leaf, origin)) ? "yours" : "false", `${log}/${index}`);
      } else if (grants.length && (await isUnder(grants, leaf))) tell("foreign", `${log}/${index}`);
    }
    if (width < 256) tail = hash;
    else {
      let height = 8;
      for (; whole.has(height); height += 1) {
        hash = await node(whole.get(height), hash);
        whole.delete(height);
      }
      whole.set(height, hash);
    }
    step(log, n * 256 + width, size);
  }
  let running = tail;
  for (const height of [...whole.keys()].sort((a, b) => a - b)) {
    running = running ? await node(whole.get(height), running) : whole.get(height);
  }
  if (!same(running ?? (await sha256(new Uint8Array())), root)) tell("broken", log);
  for (const index of mine.keys()) {
    if (!met.has(index)) tell(index < size ? "absent" : "newer", `${log}/${index}`);
  }
}

async function compare() {
  const file = (id) => document.querySelector(id).files[0]?.text() ?? Promise.reject(new Error("no file"));
  const keys = await readKeys(await file("#scan-key"));
  const shown = readShown(await file("#scan-openings"));
  const found = new Set();
  const tell = (what, place) => {
    found.add(what);
    const line = document.createElement("li");
    line.dataset.found = what;
    line.textContent = list.dataset[what].replace("#", place);
    list.append(line);
  };
  const step = (log, done, size) => (progress.textContent = `${log}: ${done} / ${size}`);
  for (const log of box.dataset.logs.trim().split(/\s+/)) await scanLog(log, keys, shown, tell, step);
  const wrong = ["hidden", "absent", "false", "foreign", "broken"].some((what) => found.has(what));
  return wrong ? "bad" : found.has("nokey") || found.has("newer") ? "" : "good";
}

if (box && globalThis.crypto?.subtle) {
  box.hidden = false;
  const button = document.querySelector("#scan-start");
  button.addEventListener("click", async () => {
    button.disabled = true;
    list.replaceChildren();
    for (const one of verdicts) one.hidden = true;
    let verdict = "failed";
    try {
      verdict = await compare();
    } catch {
      // A wrong file, or no connection: nothing was found out.
    }
    for (const one of verdicts) one.hidden = one.id !== `scan-${verdict}`;
    button.disabled = false;
  });
}
