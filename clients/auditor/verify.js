#!/usr/bin/env node
/**
 * Check a consent log from the outside, in a browser or in Node 20: the same checks as verify.py, with WebCrypto.
 * Nothing that is checked leaves this machine. WebCrypto has no ML-DSA-44: that is checked with ml-dsa-44.js, a library
 * of others, when it lies beside this file; without it the log's second signature is left out, and that is said.
 *
 *     node verify.js URL|DIR [--vkey VKEY | --policy FILE] [--seen FILE] [--checkpoint FILE …]
 *                    [--openings FILE [--complete]] [--clock-bound SECONDS]
 *     node verify.js FILE (--vkey VKEY | --policy FILE)      FILE: an answer with `entry` and `proof`, as received, or
 *                                                            a receipt or an entry that a citizen keeps
 *
 * Verdicts and exit codes are those of verify.py: OK 0, UNWITNESSED 0 (1 if witnesses are demanded), INVALID 1,
 * DIVERGED 2, UNCHECKED 3. The formats are described in docs/reference/ledger.md.
 */

/** Something is wrong with the log, the proof or the openings: INVALID. */
export class Broken extends Error {}
/** Two signed checkpoints that cannot belong to one log: DIVERGED. */
export class Diverged extends Error {}
/** Something could not be fetched or read; this says nothing about the log. */
export class Unchecked extends Error {}

const LOG_KEY = 1;
const WITNESS_KEY = 4;
const ML_DSA_44 = 6;
const ML_DSA_SIGNATURE = 8 + 2420; // bytes: time and signature (C2SP tlog-cosignature, FIPS 204 table 2)
const PUBLIC_BYTES = { [LOG_KEY]: 32, [WITNESS_KEY]: 32, [ML_DSA_44]: 1312 };
let verifyMlDsa = null;

/** Check ML-DSA-44 as well, with `verify(signature, message, publicKey)`, which answers whether it is right. */
export function useMlDsa(verify) {
  verifyMlDsa = verify;
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true });

// --- Bytes ---

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

function same(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/** Decode standard base64 that is spelled in its one canonical way. */
function unbase64(text, what) {
  if (typeof text !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4) {
    throw new Broken(`${what} is not valid base64.`);
  }
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new Broken(`${what} is not valid base64.`);
  }
  if (base64(bytes) !== text) throw new Broken(`${what} is base64 in a spelling that is not canonical.`);
  return bytes;
}

function decoded(bytes, what) {
  try {
    return fromUtf8.decode(bytes);
  } catch {
    throw new Broken(`${what} is not UTF-8.`);
  }
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
}

/** HMAC-SHA-256 (RFC 2104 section 2) for our keys of 32 bytes. */
async function keyed(key, ...message) {
  const pad = (byte) => joined(key.map((one) => one ^ byte), new Uint8Array(32).fill(byte));
  return sha256(pad(0x5c), await sha256(pad(0x36), ...message));
}

const ZERO = Uint8Array.of(0);
const ONE = Uint8Array.of(1);
const leafHash = (leaf) => sha256(ZERO, leaf);
const nodeHash = (left, right) => sha256(ONE, left, right);

/** The root over neighbouring subtrees of one height, of which the last may be smaller (RFC 6962 section 2.1). */
async function fold(hashes) {
  let row = hashes;
  while (row.length > 1) {
    const pairs = [];
    for (let at = 0; at + 1 < row.length; at += 2) pairs.push(nodeHash(row[at], row[at + 1]));
    const next = await Promise.all(pairs);
    if (row.length % 2) next.push(row[row.length - 1]);
    row = next;
  }
  return row[0];
}

/** JSON with strings, whole numbers, arrays, objects and null, in which no name comes twice in an object. */
function parse(text) {
  const said = JSON.parse(text);
  const open = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/g;
  let last = "";
  for (const [one] of text.matchAll(token)) {
    if (one === "{" || one === "[") open.push(new Set());
    else if (one === "}" || one === "]") open.pop();
    else if (one === ":") {
      const names = open[open.length - 1];
      const name = JSON.parse(last);
      if (names.has(name)) throw new SyntaxError("a name comes twice");
      names.add(name);
    } else if (/^-?[0-9]/.test(one) && !/^-?[0-9]+$/.test(one)) throw new SyntaxError("not a whole number");
    last = one;
  }
  return said;
}

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// --- Notes, keys and policies (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy) ---

const isName = (name) => name !== "" && !/[+\s]/.test(name);

/** Read `name+id+base64`, whose id must belong to name and key. */
export async function readKey(text) {
  const [name, id, ...rest] = text.trim().split("+");
  let typed;
  try {
    typed = unbase64(rest.join("+"), "The verifier key");
  } catch {
    throw new Unchecked("A verifier key is written name+id+key; this one is not.");
  }
  const expected = (await sha256(utf8.encode(`${name}\n`), typed)).slice(0, 4);
  if (!isName(name) || hex(expected) !== id || typed.length < 2) {
    throw new Unchecked("The id of a verifier key does not belong to its name and key.");
  }
  if (typed.length - 1 !== (PUBLIC_BYTES[typed[0]] ?? typed.length - 1)) {
    throw new Unchecked("A verifier key has the wrong length.");
  }
  return { name, id, kind: typed[0], public: typed.slice(1) };
}

/** Whether this verifier can check what a key signs. */
const isKnownKind = (key) => key.kind === LOG_KEY || (key.kind === ML_DSA_44 && verifyMlDsa !== null);

async function isSigned(key, signature, message) {
  if (key.kind === ML_DSA_44) {
    return signature.length === ML_DSA_SIGNATURE - 8 && verifyMlDsa(signature, message, key.public);
  }
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    throw new Unchecked("This browser cannot check Ed25519 signatures: take a newer one, or verify.py.");
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
}

/** Take a checkpoint apart, strictly: exactly three lines, an empty one, then signature lines. */
export function readCheckpoint(note) {
  const border = note.lastIndexOf("\n\n");
  // eslint-disable-next-line no-control-regex
  if (note.length > 1e6 || /[\x00-\x09\x0b-\x1f]/.test(note) || !note.endsWith("\n") || border < 0) {
    throw new Broken("The checkpoint is not a well-formed note.");
  }
  const body = note.slice(0, border + 1);
  const lines = body.split("\n");
  const tail = note.slice(border + 2, -1).split("\n");
  if (lines.length !== 4 || tail.length > 64 || !isName(lines[0])) {
    throw new Broken("The checkpoint is not three lines and signatures.");
  }
  const size = Number(lines[1]);
  if (!/^(0|[1-9][0-9]{0,15})$/.test(lines[1]) || !Number.isSafeInteger(size)) {
    throw new Broken("The size in the checkpoint is not a plain number.");
  }
  const root = unbase64(lines[2], "The root in the checkpoint");
  if (root.length !== 32) throw new Broken("The root in the checkpoint is not 32 bytes.");
  const signatures = tail.map((line) => {
    const [dash, name = "", encoded = ""] = line.split(" ");
    const raw = unbase64(encoded, "A signature under the checkpoint");
    if (dash !== "\u2014" || !isName(name) || raw.length < 5 || line !== `\u2014 ${name} ${encoded}`) {
      throw new Broken("A signature line under the checkpoint is malformed.");
    }
    return { name, id: hex(raw.slice(0, 4)), signature: raw.slice(4) };
  });
  return { note, body, signatures, origin: lines[0], size, root };
}

/** When *key* cosigned, in seconds (C2SP tlog-cosignature, both types). */
async function cosignedAt(checkpoint, key, signature) {
  const wrong = new Broken(`The cosignature of ${key.name} under the checkpoint is wrong.`);
  if (signature.length < 8 || signature[0] > 127) throw wrong;
  const time = signature.slice(0, 8);
  const at = new DataView(time.buffer).getBigUint64(0);
  let message = utf8.encode(`cosignature/v1\ntime ${at}\n${checkpoint.body}`);
  if (key.kind === ML_DSA_44) {
    const [name, origin] = [utf8.encode(key.name), utf8.encode(checkpoint.origin)];
    if (name.length > 255 || origin.length > 255) {
      throw new Broken("The name of a cosigner or of the log is too long for its signature.");
    }
    const size = new Uint8Array(8);
    new DataView(size.buffer).setBigUint64(0, BigInt(checkpoint.size));
    const start = new Uint8Array(8);
    const head = [utf8.encode("subtree/v1\n\0"), [name.length], name, time, [origin.length], origin];
    message = joined(...head, start, size, checkpoint.root);
  }
  if (!(await isSigned(key, signature.slice(8), message))) throw wrong;
  return Number(at);
}

/** The lines under a checkpoint that *key* made. */
const linesOf = (checkpoint, key) =>
  checkpoint.signatures.filter(({ name, id }) => name === key.name && id === key.id);

/** Whether one of the log's ML-DSA-44 keys has signed too, if there are any. A wrong one spoils everything. */
async function isSignedTwice(checkpoint, keys) {
  const second = keys.filter((key) => key.kind === ML_DSA_44 && key.name === checkpoint.origin);
  let isFound = false;
  for (const key of second) {
    for (const { signature } of linesOf(checkpoint, key)) {
      await cosignedAt(checkpoint, key, signature);
      isFound = true;
    }
  }
  return isFound || !second.length;
}

/**
 * Whether one of the log's Ed25519 keys signed; a known key's bad signature spoils everything, unknown ones do not.
 */
async function isSignedBy(checkpoint, keys) {
  await isSignedTwice(checkpoint, keys);
  let isVerified = false;
  for (const { name, id, signature } of checkpoint.signatures) {
    const key = keys.find((one) => one.kind === LOG_KEY && one.name === name && one.id === id);
    if (key === undefined || name !== checkpoint.origin) continue;
    if (!(await isSigned(key, signature, utf8.encode(checkpoint.body)))) {
      throw new Broken("The signature under the checkpoint is wrong.");
    }
    isVerified = true;
  }
  return isVerified;
}

async function checkSignature(checkpoint, keys) {
  if (!(await isSignedBy(checkpoint, keys))) {
    throw new Broken("The checkpoint is not signed by a key that is known for this log.");
  }
}

/**
 * The keys of one log that are trusted, and which sizes each may sign by what the log itself says. A key that came later
 * is trusted when the keys before it signed the checkpoint behind which the first of them ends.
 */
class Ring {
  constructor(origin, trusted) {
    Object.assign(this, { origin, trusted: [...trusted], since: new Map(), until: new Map(), added: null, closed: null });
  }

  at(size) {
    return this.trusted.filter(
      (key) => (this.since.get(keyName(key)) ?? -1) < size && size <= (this.until.get(keyName(key)) ?? Infinity),
    );
  }

  /** Some key must have signed that may sign a checkpoint of this size. */
  async check(checkpoint) {
    if (await isSignedBy(checkpoint, this.at(checkpoint.size))) return;
    for (const key of this.trusted) {
      if (!(await isSignedBy(checkpoint, [key]))) continue;
      const until = this.until.get(keyName(key)) ?? Infinity;
      const which = until < checkpoint.size ? `${until} retired` : `${this.since.get(keyName(key))} adds only later`;
      throw new Broken(`The checkpoint of ${checkpoint.size} entries is signed with a key that entry ${which}.`);
    }
    await checkSignature(checkpoint, []);
  }

  /** What a control entry says about keys; *root* gives that of the entries before it. */
  async take(index, body, root) {
    try {
      const said = parse(fromUtf8.decode(body));
      if (said.ev === "log.closed") this.closed = { index, name: (await readKey(said.next)).name };
      if (!["log.opened", "key.added", "key.retired"].includes(said.ev)) return;
      const key = await readKey(said.key);
      const name = keyName(key);
      if (said.ev === "key.retired") {
        if (typeof said.last === "string") await this.follow(index, name, readCheckpoint(said.last), root);
        if (!this.until.has(name)) this.until.set(name, index);
      } else if (said.ev === "key.added" || index === 0) {
        this.begin(key, index);
        if (said.ev === "key.added") this.added = { index, key };
        else if (said.cosigner !== undefined) this.begin(await readKey(said.cosigner), index);
      }
    } catch (wrong) {
      if (![Broken, Unchecked, SyntaxError, TypeError].some((kind) => wrong instanceof kind)) throw wrong;
    }
  }

  begin(key, index) {
    if (!this.since.has(keyName(key))) this.since.set(keyName(key), index);
  }

  knows(key) {
    return this.trusted.some((one) => keyName(one) === keyName(key));
  }

  async follow(index, old, last, root) {
    if (this.added === null || this.added.index !== index - 1) return;
    const { key } = this.added;
    const keys = this.at(index);
    const isMeant = key.name === this.origin && keys.some((one) => keyName(one) === old && one.kind === key.kind);
    if (!isMeant || this.knows(key) || last.origin !== this.origin || last.size !== index) return;
    if (!(await isSignedBy(last, keys)) || !(await isSignedTwice(last, keys))) return;
    if (same(last.root, await root())) this.trusted.push(key);
  }

  /** Go on by a change that a receipt carries: the entry that names the new key, the last one of its checkpoint. */
  async learn(leaf, proof) {
    const { index, checkpoint: last } = await checkProof(proof, leaf, null);
    let key = null;
    try {
      const said = parse(fromUtf8.decode(leaf.subarray(152)));
      if (leaf[4] === 1 && said.ev === "key.added" && last.size === index + 1) key = await readKey(said.key);
    } catch (wrong) {
      if (![Unchecked, SyntaxError, TypeError].some((kind) => wrong instanceof kind)) throw wrong;
    }
    if (key === null || last.origin !== this.origin || key.name !== this.origin) {
      throw new Broken("What should be a change of keys in this file is not one.");
    }
    const keys = this.at(last.size);
    const before = keys.filter((one) => one.kind === key.kind && keyName(one) !== keyName(key));
    if (!before.length || !(await isSignedBy(last, keys)) || !(await isSignedTwice(last, keys))) return;
    this.begin(key, index);
    for (const one of before) {
      if (!this.until.has(keyName(one))) this.until.set(keyName(one), last.size);
    }
    if (!this.knows(key)) this.trusted.push(key);
  }
}

const keyName = (key) => `${key.name}+${hex(key.public)}`;

/** Read a C2SP tlog-policy. What is not understood must not pass for less. */
export async function readPolicy(text) {
  const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: null, unknown: 0 };
  const grouped = new Set();
  let quorums = 0;
  const isDefined = (name) => policy.witnesses.has(name) || policy.groups.has(name);
  for (const line of text.split("\n")) {
    const words = line.split(/\s+/).filter((word) => word !== "");
    if (!words.length || words[0].startsWith("#")) continue;
    const isNew = words.length > 1 && words[1] !== "none" && !isDefined(words[1]);
    if (words[0] === "log" && [2, 3].includes(words.length)) {
      const key = await readKey(words[1]);
      if (isKnownKind(key)) policy.logs.push(key);
      else policy.unknown += 1;
    } else if (words[0] === "witness" && [3, 4].includes(words.length) && isNew) {
      policy.witnesses.set(words[1], await readKey(words[2]));
    } else if (words[0] === "group" && words.length >= 4 && isNew) {
      const members = words.slice(3);
      const counted = /^[1-9][0-9]{0,3}$/.test(words[2]) ? Number(words[2]) : 0;
      const least = { all: members.length, any: 1 }[words[2]] ?? counted;
      if (!members.every(isDefined) || members.some((one) => grouped.has(one)) || new Set(members).size < members.length) {
        throw new Unchecked("A group in the policy has a member that is unknown or already in a group.");
      }
      if (least < 1 || least > members.length) {
        throw new Unchecked("A group in the policy demands more members than it has, or none.");
      }
      members.forEach((one) => grouped.add(one));
      policy.groups.set(words[1], { least, members });
    } else if (words[0] === "quorum" && words.length === 2 && (words[1] === "none" || isDefined(words[1]))) {
      quorums += 1;
      policy.quorum = words[1] === "none" ? null : words[1];
    } else throw new Unchecked("The policy has a line that is not understood.");
  }
  if (quorums !== 1) throw new Unchecked("A policy has exactly one quorum line.");
  return policy;
}

/** The witnesses of the policy whose cosignature is right, each with its time in seconds. */
async function cosigners(checkpoint, policy) {
  const found = new Map();
  for (const [witness, key] of policy.witnesses) {
    if (key.kind !== WITNESS_KEY && (key.kind !== ML_DSA_44 || verifyMlDsa === null)) continue;
    for (const { signature } of linesOf(checkpoint, key)) {
      found.set(witness, await cosignedAt(checkpoint, key, signature));
    }
  }
  return found;
}

function isMet(policy, name, cosigned) {
  if (policy.witnesses.has(name)) return cosigned.has(name);
  const { least, members } = policy.groups.get(name);
  return members.filter((member) => isMet(policy, member, cosigned)).length >= least;
}

/** Between what witnesses saw an entry can have been made: up to this index, not before, not after. */
function timeBounds(seen, bound) {
  const points = [...seen].sort((a, b) => a.size - b.size || a.at - b.at);
  const bounds = [];
  let earliest = 0;
  points.forEach(({ size, at }, place) => {
    const last = Math.min(...points.slice(place).map((one) => one.at));
    bounds.push({ end: size, earliest: earliest - bound, last: last + bound });
    earliest = Math.min(at, last);
  });
  if (points.length) bounds.push({ end: Infinity, earliest: earliest - bound, last: Infinity });
  return bounds;
}

// --- Where the log is read from: each source has `get(path)`, which answers bytes or null ---

/** A log on a server. */
export function logAt(address) {
  const place = address.endsWith("/") ? address : `${address}/`;
  return {
    async get(path) {
      let answer;
      try {
        answer = await fetch(place + path, { redirect: "error", credentials: "omit" });
      } catch {
        throw new Unchecked(`Could not fetch ${path}.`);
      }
      if (answer.status === 404 || answer.status === 410) return null;
      if (!answer.ok) throw new Unchecked(`The server answered ${answer.status} for ${path}.`);
      return new Uint8Array(await answer.arrayBuffer());
    },
  };
}

/** A copy of a log: a map from path to something with `arrayBuffer()`, such as the files that were dropped on a page. */
export function logOfFiles(files) {
  return {
    async get(path) {
      const file = files.get(path);
      return file === undefined ? null : new Uint8Array(await file.arrayBuffer());
    },
  };
}

function tilePath(level, n) {
  let rest = n;
  let place = String(rest % 1000).padStart(3, "0");
  for (rest = Math.floor(rest / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    place = `x${String(rest % 1000).padStart(3, "0")}/${place}`;
  }
  return `tile/${level}/${place}`;
}

async function readRow(source, level, n, width) {
  const path = tilePath(level, n);
  if (width < 256) {
    const partial = await source.get(`${path}.p/${width}`);
    if (partial !== null) return { bytes: partial, isLonger: false };
  }
  // A server may drop a partial tile as soon as the full one is there (tlog-tiles, "Partial Tiles").
  const full = await source.get(path);
  if (full === null) throw new Unchecked(`The log does not serve ${path}, which its checkpoint needs.`);
  return { bytes: full, isLonger: width < 256 };
}

async function compareRow(source, level, n, computed) {
  const { bytes, isLonger } = await readRow(source, level, n, computed.length);
  for (const [place, one] of computed.entries()) {
    if (same(bytes.subarray(place * 32, place * 32 + 32), one)) continue;
    if (level === 0) throw new Broken(`Entry ${n * 256 + place} does not match its hash in tile ${tilePath(level, n)}.`);
    const span = 256 ** level;
    const start = (n * 256 + place) * span;
    throw new Broken(`Entries ${start} to ${start + span - 1} do not match tile ${tilePath(level, n)}.`);
  }
  if (bytes.length !== (isLonger ? 8192 : computed.length * 32)) {
    throw new Broken(`Tile ${tilePath(level, n)} has the wrong length.`);
  }
}

// --- The leaves and the tree ---

const MAGIC = Uint8Array.of(0x43, 0x4c, 0x67, 1);

/** The form of one entry: 152 bytes for an event, or a control entry with a public body behind them. */
async function checkLeaf(leaf, index) {
  if (leaf.length < 152 || !same(leaf.subarray(0, 4), MAGIC) || leaf[5] || leaf[6] || leaf[7]) {
    throw new Broken(`Entry ${index} is not a leaf of version 1.`);
  }
  if (leaf[4] === 0) {
    if (leaf.length !== 152) throw new Broken(`Entry ${index} is an event of another length than 152 bytes.`);
  } else if (leaf[4] === 1) {
    if (leaf.subarray(24, 88).some(Boolean) || leaf.subarray(120, 152).some(Boolean)) {
      throw new Broken(`Entry ${index} is about the log itself but carries the tag of a person.`);
    }
    if (leaf.length === 152 || !same(await sha256(leaf.subarray(152)), leaf.subarray(88, 120))) {
      throw new Broken(`Entry ${index} commits to another body than it carries.`);
    }
  } else throw new Broken(`Entry ${index} is of an unknown kind.`);
}

async function readBundle(source, first, width) {
  const { bytes, isLonger } = await readRow(source, "entries", Math.floor(first / 256), width);
  const leaves = [];
  let place = 0;
  for (let index = first; index < first + width; index += 1) {
    const start = place + 2;
    place = start <= bytes.length ? start + bytes[start - 2] * 256 + bytes[start - 1] : start;
    if (place > bytes.length || place <= start) throw new Broken(`Entry ${index} is cut off in its bundle.`);
    leaves.push(bytes.subarray(start, place));
  }
  if (place !== bytes.length && !isLonger) {
    throw new Broken(`The bundle that begins with entry ${first} is longer than its entries.`);
  }
  return leaves;
}

async function rootOf(edge, row) {
  let tail = [];
  for (const [level, hashes] of edge.entries()) {
    const whole = [...(level ? hashes : row), ...tail];
    tail = whole.length ? [await fold(whole)] : [];
  }
  return tail.length ? tail[0] : sha256(new Uint8Array());
}

/** Read all entries and tiles, compare every hash; `each(first, leaves)` sees the bundles. Returns the roots asked for. */
async function readLog(source, size, sizes, ring, each, progress) {
  const edge = [[]];
  const roots = new Map([[0, await sha256(new Uint8Array())]]);
  const nonces = new Set();
  let controls = 0;
  for (let first = 0; first < size; first += 256) {
    const leaves = await readBundle(source, first, Math.min(256, size - first));
    for (const [at, leaf] of leaves.entries()) {
      await checkLeaf(leaf, first + at);
      controls += leaf[4];
      nonces.add(hex(leaf.subarray(8, 24)));
      if (nonces.size !== first + at + 1) {
        throw new Broken(`Entry ${first + at} repeats the nonce of an earlier entry.`);
      }
    }
    const row = await Promise.all(leaves.map(leafHash));
    await compareRow(source, 0, first / 256, row);
    for (const one of sizes) {
      if (first < one && one <= first + row.length) roots.set(one, await rootOf(edge, row.slice(0, one - first)));
    }
    for (const [at, leaf] of leaves.entries()) {
      if (leaf[4]) await ring.take(first + at, leaf.subarray(152), () => rootOf(edge, row.slice(0, at)));
    }
    edge[0] = row;
    for (let level = 0; edge[level].length === 256; level += 1) {
      if (level) await compareRow(source, level, Math.floor((first + 256) / 256 ** (level + 1)) - 1, edge[level]);
      if (edge.length === level + 1) edge.push([]);
      edge[level + 1].push(await fold(edge[level]));
      edge[level] = [];
    }
    await each(first, leaves);
    progress(Math.min(size, first + 256), size);
  }
  for (let level = 1; level < edge.length; level += 1) {
    if (edge[level].length) await compareRow(source, level, Math.floor(size / 256 ** (level + 1)), edge[level]);
  }
  roots.set(size, await rootOf(edge, edge[0]));
  return { roots, controls };
}

function checkContinuation(roots, old, now) {
  let why;
  if (now.size < old.size) {
    why = `The log has ${now.size} entries, fewer than the ${old.size} that it had signed.`;
  } else if (roots !== null && !same(roots.get(old.size), old.root)) {
    why = `The first ${old.size} entries are no longer the ones that the log had signed.`;
  } else return `The log continues the checkpoint with ${old.size} entries that was seen before.`;
  throw new Diverged(
    `${why} Both checkpoints are signed: together they are the evidence.\n` +
      `The checkpoint seen before:\n${old.note}\nThe checkpoint served now:\n${now.note}`,
  );
}

// --- One proof (C2SP tlog-proof) ---

/**
 * Prove that *leaf* is in the log under the proof's own signed checkpoint (RFC 9162 section 2.1.3.2). Without *keys* its
 * signature is the caller's to check.
 */
async function checkProof(text, leaf, keys) {
  const border = text.indexOf("\n\n");
  const lines = text.slice(0, Math.max(border, 0)).split("\n");
  if (border < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") {
    throw new Broken("The proof is not a tlog-proof of version 1.");
  }
  if (lines.length && lines[0].startsWith("extra ")) unbase64(lines.shift().slice(6), "The extra line of the proof");
  const match = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "");
  const hashes = lines.map((line) => unbase64(line, "A hash in the proof"));
  if (match === null || hashes.length > 63 || hashes.some((one) => one.length !== 32)) {
    throw new Broken("The proof is malformed.");
  }
  const index = Number(match[1]);
  const checkpoint = readCheckpoint(text.slice(border + 2));
  if (keys !== null) await checkSignature(checkpoint, keys);
  await checkLeaf(leaf, index);
  let [node, last] = [index, checkpoint.size - 1];
  if (node > last) throw new Broken(`The proof is for entry ${index}, which its checkpoint does not have.`);
  const half = (value) => Math.floor(value / 2);
  let running = await leafHash(leaf);
  for (const step of hashes) {
    if (last === 0) throw new Broken("The proof is too long.");
    if (node % 2 || node === last) {
      running = await nodeHash(step, running);
      while (node % 2 === 0 && node) [node, last] = [half(node), half(last)];
    } else running = await nodeHash(running, step);
    [node, last] = [half(node), half(last)];
  }
  if (last || !same(running, checkpoint.root)) {
    throw new Broken(`The proof does not lead from entry ${index} to the root of its checkpoint.`);
  }
  return { index, checkpoint };
}

// --- Openings: what an organisation did, replayed ---

const set = (words) => new Set(words.split(" "));
const EVENTS = set(
  "granted amended disclosed used refused withdrawn revoked expired frozen erased carried declined acknowledged " +
    "deletion_stated mandate_given mandate_ended corrected lawful other",
);
const BEGINNINGS = set("granted carried");
const ENDINGS = set("withdrawn revoked expired frozen erased");
const NEEDS_LIFE = set("disclosed used amended");
const MAY_STAND_ALONE = set("other lawful frozen erased corrected declined mandate_given mandate_ended");
const NUMBERS = ["c", "n", "prev", "nbf", "exp"];
const WORDS = ["org", "purpose", "by", "terms", "reason"];
const STANDING = { organisation: "org", purpose: "purpose" };

/** Read one opening `{"i","kc","a","A"[,"d","D"]}`; the keys are base64, A and D the exact texts. */
function readOpening(given, where) {
  let says;
  if (!isObject(given) || !isCount(given.i) || typeof given.A !== "string") throw new Broken(`${where} is not an opening.`);
  try {
    says = parse(given.A);
  } catch {
    throw new Broken(`${where} is not an opening.`);
  }
  if (!isObject(says)) throw new Broken(`${where} is not an opening.`);
  const [consentKey, auditKey] = [unbase64(given.kc, where), unbase64(given.a, where)];
  if (consentKey.length !== 32 || auditKey.length !== 32) {
    throw new Broken(`${where} has a key of another length than 32 bytes.`);
  }
  const detail = given.D === undefined ? null : [unbase64(given.d, where), utf8.encode(given.D)];
  return { index: given.i, consentKey, auditKey, record: utf8.encode(given.A), says, detail };
}

function readOpenings(text) {
  const opened = new Map();
  for (const [at, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const where = `Line ${at + 1} of the openings`;
    let given;
    try {
      given = parse(line);
    } catch {
      throw new Broken(`${where} is not an opening.`);
    }
    const opening = readOpening(given, where);
    if (opened.has(opening.index)) throw new Broken(`Entry ${opening.index} is opened twice.`);
    opened.set(opening.index, opening);
  }
  return opened;
}

function isWellFormed(says) {
  const names = says.attributes === undefined ? [] : says.attributes;
  return (
    says.v === 1 &&
    EVENTS.has(says.ev) &&
    Number.isSafeInteger(says.t) &&
    NUMBERS.every((name) => says[name] === undefined || isCount(says[name])) &&
    WORDS.every((name) => says[name] === undefined || typeof says[name] === "string") &&
    Array.isArray(names) &&
    names.every((name, at) => typeof name === "string" && (at === 0 || names[at - 1] < name))
  );
}

/** What was opened must be exactly what the leaf commits to, and the record must be about that leaf. */
async function checkOpened(opening, leaf, origin) {
  const { index, says } = opening;
  const nonce = leaf.subarray(8, 24);
  const text = (word) => utf8.encode(`${word}\0`);
  let wrong = null;
  if (leaf[4] !== 0) wrong = "is about the log itself and cannot be opened";
  else if (!same(await keyed(opening.consentKey, text("consent"), nonce), leaf.subarray(56, 88))) {
    wrong = "is not written under the consent key of its opening";
  } else if (!same(await keyed(opening.auditKey, text("audit"), opening.record), leaf.subarray(88, 120))) {
    wrong = "commits to another record than its opening shows";
  } else if (
    opening.detail !== null &&
    !same(await keyed(opening.detail[0], text("detail"), opening.detail[1]), leaf.subarray(120, 152))
  ) {
    wrong = "commits to another detail than its opening shows";
  } else if (says.o !== origin || says.i !== index) wrong = "carries the record of another entry or another log";
  else if (!isWellFormed(says)) wrong = "has a record that is not well-formed";
  if (wrong !== null) throw new Broken(`Entry ${index} ${wrong}.`);
}

function isLater(said, before) {
  const old = /^(.+)@([1-9][0-9]{0,8})$/.exec(before ?? "");
  const now = /^(.+)@([1-9][0-9]{0,8})$/.exec(said ?? "");
  return old !== null && now !== null && now[1] === old[1] && Number(now[2]) > Number(old[2]);
}

/** What an organisation did, followed through the log entry by entry; each broken rule is a sentence. */
class Replay {
  constructor(origin, opened, bounds, isComplete) {
    Object.assign(this, { origin, opened, bounds, isComplete, findings: [], latest: 0, watermark: 0, unsigned: 0 });
    this.shut = [];
    this.grants = new Map();
    this.holders = new Map();
    this.suspended = new Map();
  }

  async bundle(first, leaves) {
    for (const [at, leaf] of leaves.entries()) {
      const index = first + at;
      if (leaf[4] === 1) this.control(index, leaf.subarray(152));
      const opening = this.opened.get(index);
      if (opening !== undefined) {
        await checkOpened(opening, leaf, this.origin);
        this.take(opening);
      } else if (leaf[4] === 0) this.shut.push(index);
    }
  }

  control(index, body) {
    let said;
    try {
      said = parse(fromUtf8.decode(body));
    } catch {
      return;
    }
    if (!isObject(said)) return;
    if (Number.isSafeInteger(said.t)) this.time(index, said.t);
    if (typeof said.ev !== "string") return;
    if (said.ev === "retention.watermark" && Number.isSafeInteger(said.below)) {
      this.watermark = Math.max(this.watermark, Math.min(said.below, index));
    }
    const [subject, change] = said.ev.split(".", 2);
    const kind = Object.hasOwn(STANDING, subject) ? STANDING[subject] : null;
    if (kind === null || typeof said[kind] !== "string") return;
    const name = `${kind} ${said[kind]}`;
    if (change === "suspended" && !this.suspended.has(name)) this.suspended.set(name, index);
    if (change === "restored") this.suspended.delete(name);
  }

  time(index, at) {
    if (at < this.latest) this.findings.push(`Entry ${index} says it is older than an entry before it.`);
    this.latest = Math.max(this.latest, at);
    const bound = this.bounds.find((one) => index < one.end);
    if (bound !== undefined && (at < bound.earliest || at > bound.last)) {
      this.findings.push(
        `Entry ${index} gives another time than the witnesses saw: it is back-dated or post-dated.`,
      );
    }
  }

  take(opening) {
    const { index, says } = opening;
    this.time(index, says.t);
    for (const [kind, meaning] of [["org", "organisation"], ["purpose", "purpose"]]) {
      const since = this.suspended.get(`${kind} ${says[kind]}`);
      if (since !== undefined && NEEDS_LIFE.has(says.ev)) {
        this.findings.push(`Entry ${index} (${says.ev}) stands while its ${meaning} was suspended by entry ${since}.`);
      }
    }
    const began = says.c;
    if (began === undefined) {
      if (!MAY_STAND_ALONE.has(says.ev)) this.findings.push(`Entry ${index} (${says.ev}) names no grant.`);
      return;
    }
    const grant = this.grants.get(began);
    if (grant !== undefined) this.follow(grant, opening);
    else if (began === index && BEGINNINGS.has(says.ev)) this.begin(opening);
    else if (began < index) this.join(opening);
    else this.findings.push(`Entry ${index} stands under a grant at entry ${began}, which is not opened as one.`);
  }

  begin(opening) {
    const { index, says } = opening;
    if (["org", "purpose", "attributes", "nbf", "exp"].some((name) => says[name] === undefined)) {
      this.findings.push(`Entry ${index} begins a grant without saying for whom, what and until when.`);
    }
    if (says.n !== 0 || says.prev !== undefined) {
      this.findings.push(`Entry ${index} begins a grant but is not number 0 in it.`);
    }
    this.unsigned += says.sig === "none" ? 1 : 0;
    this.hold(opening, new Set(says.attributes), says.nbf ?? 0, says.exp ?? 0);
  }

  /** The beginning is not there: right only below the retention watermark, which comes later in the log. */
  join(opening) {
    const { index, says } = opening;
    const grant = this.hold(opening, null, 0, Infinity);
    Object.assign(grant, { count: says.n ?? 0, first: index });
    if (NEEDS_LIFE.has(says.ev)) Object.assign(grant, { opens: says.nbf ?? 0, closes: says.exp ?? Infinity });
    if (ENDINGS.has(says.ev)) grant.ended = index;
  }

  hold(opening, allowed, opens, closes) {
    const { index, says } = opening;
    const key = hex(opening.consentKey);
    const holder = this.holders.get(key) ?? says.c;
    this.holders.set(key, holder);
    if (holder !== says.c) {
      this.findings.push(`Entry ${says.c} begins a grant under the key of the grant at entry ${holder}.`);
    }
    const { c: began, org, purpose } = says;
    const grant = { began, key, org, purpose, allowed, opens, closes, count: 0, before: index, ended: null, first: null };
    this.grants.set(began, grant);
    return grant;
  }

  follow(grant, opening) {
    const { index, says } = opening;
    const its = `grant at entry ${grant.began}`;
    const find = (wrong) => this.findings.push(`Entry ${index} (${says.ev}) ${wrong}.`);
    const needsLife = NEEDS_LIFE.has(says.ev);
    grant.count += 1;
    if (says.n !== grant.count) {
      find(`is not number ${grant.count} of the ${its}: one is missing or out of order`);
      grant.count = says.n ?? grant.count;
    } else if (says.prev !== grant.before) {
      find(`does not point at entry ${grant.before}, the one before it in its grant`);
    }
    grant.before = index;
    if (hex(opening.consentKey) !== grant.key) find(`is written under another consent key than the ${its}`);
    // Only entries that need a live grant must repeat these; what is there must be the same.
    const said = (name) => says[name] ?? (needsLife ? undefined : grant[name]);
    if (said("org") !== grant.org) find(`is for another organisation than the ${its}`);
    if (said("purpose") !== grant.purpose) {
      if (says.ev === "amended" && isLater(says.purpose, grant.purpose)) grant.purpose = says.purpose;
      else find(`is for another purpose than the ${its}`);
    }
    if (needsLife) this.live(grant, says, its, find);
    else if (BEGINNINGS.has(says.ev)) find(`begins a grant, but stands under the ${its}`);
    else if (ENDINGS.has(says.ev)) {
      if (says.ev === "expired" && says.t < grant.closes && grant.allowed !== null) {
        find(`lets the ${its} expire before its time`);
      }
      grant.ended ??= index;
    }
  }

  live(grant, says, its, find) {
    const names = says.attributes ?? [];
    if (grant.ended !== null) find(`stands after the ${its} was ended by entry ${grant.ended}`);
    if (says.t < grant.opens || says.t >= grant.closes) find(`lies outside the time of the ${its}`);
    if (says.ev === "amended") {
      if (!names.length) find(`changes the ${its} without saying to which attributes`);
      if (says.attributes !== undefined || grant.allowed === null) grant.allowed = new Set(names);
      Object.assign(grant, { opens: says.nbf ?? grant.opens, closes: says.exp ?? grant.closes });
      return;
    }
    if (says.ev === "disclosed" && !names.length) find("does not say which attributes went out");
    if (grant.allowed !== null && !names.every((name) => grant.allowed.has(name))) {
      find(`names an attribute that the ${its} does not have`);
    }
  }

  finish() {
    for (const grant of this.grants.values()) {
      if (grant.first !== null && grant.began >= this.watermark) {
        this.findings.push(
          `Entry ${grant.first} stands under a grant at entry ${grant.began}, which is not opened as one.`,
        );
      }
    }
    const missing = this.isComplete ? this.shut.filter((index) => index >= this.watermark) : [];
    if (missing.length) {
      this.findings.push(`Entry ${missing[0]} is not opened, although all were asked for (${missing.length} of them).`);
    }
  }
}

// --- All of it ---

/** A report: `{verdict, sentences, origin, size}`. */
async function reported(work) {
  const report = { verdict: "UNCHECKED", sentences: [], origin: null, size: null, areWitnessesDemanded: false };
  try {
    await work(report);
  } catch (wrong) {
    if (wrong instanceof Broken) report.verdict = "INVALID";
    else if (wrong instanceof Diverged) report.verdict = "DIVERGED";
    else if (wrong instanceof Unchecked) report.verdict = "UNCHECKED";
    else throw wrong;
    report.sentences.push(wrong.message);
  }
  return report;
}

/** What a program exits with. */
export function exitCode(report) {
  if (report.verdict === "UNWITNESSED") return report.areWitnessesDemanded ? 1 : 0;
  return { OK: 0, INVALID: 1, DIVERGED: 2, UNCHECKED: 3 }[report.verdict];
}

async function readTrust(report, vkeys, policyText) {
  const policy = policyText === null
    ? { logs: [], witnesses: new Map(), groups: new Map(), quorum: null, unknown: 0 }
    : await readPolicy(policyText);
  report.areWitnessesDemanded = policy.quorum !== null;
  const brought = await Promise.all(vkeys.map(readKey));
  if (brought.some((key) => !isKnownKind(key))) {
    throw new Unchecked("A verifier key is of a kind that this verifier cannot check.");
  }
  const keys = [...brought, ...policy.logs];
  if ((vkeys.length || policyText !== null) && !keys.some((key) => key.kind === LOG_KEY)) {
    throw new Unchecked("The policy names no log key that this verifier can check.");
  }
  if (policy.unknown) report.sentences.push("Keys of later kinds (ML-DSA) were not checked; the Ed25519 key was.");
  return { policy, keys };
}

async function judge(report, checkpoint, policy, keys) {
  if (!(await isSignedTwice(checkpoint, keys))) {
    report.sentences.push(
      "The checkpoint lacks the log's second signature (ML-DSA-44), which its policy demands: it comes moments after the first.",
    );
    Object.assign(report, { verdict: "UNWITNESSED", areWitnessesDemanded: true });
    return;
  }
  const isDemanded = keys.some((key) => key.kind === ML_DSA_44 && key.name === checkpoint.origin);
  if (verifyMlDsa !== null && !isDemanded) {
    report.sentences.push("The log's second signature (ML-DSA-44) was not demanded: no such key of it was given or kept.");
  }
  // The kind of a key (0x06) is not in its line; the length of such a signature is its own.
  const later = checkpoint.signatures.filter(({ signature }) => signature.length === ML_DSA_SIGNATURE);
  if (later.length && verifyMlDsa === null) {
    report.sentences.push(
      `ML-DSA signatures under the checkpoint: ${later.length}. They were not checked: ml-dsa-44.js is not beside this verifier.`,
    );
  }
  if (policy.quorum === null) {
    report.sentences.push("No witnesses were demanded: only the log itself vouches for this checkpoint.");
    report.verdict = "UNWITNESSED";
    return;
  }
  const cosigned = await cosigners(checkpoint, policy);
  const isEnough = isMet(policy, policy.quorum, cosigned);
  const [count, all] = [cosigned.size, policy.witnesses.size];
  report.sentences.push(
    isEnough
      ? `${count} of ${all} witnesses cosigned: the quorum of the policy is met.`
      : `${count} of ${all} witnesses cosigned: the quorum of the policy is not met.`,
  );
  report.verdict = isEnough ? "OK" : "UNWITNESSED";
}

/**
 * Check a log. *source* is from `logAt` or `logOfFiles`; *seen* is a checkpoint that was kept the last time and
 * *checkpoints* are those that others kept; *openings* is the NDJSON that an auditor was given.
 */
export function verifyLog({
  source, vkeys = [], policy: policyText = null, seen = null, checkpoints = [], openings = null, isComplete = false,
  clockBound = 600, progress = () => {},
}) {
  return reported(async (report) => {
    let { policy, keys } = await readTrust(report, vkeys, policyText);
    const raw = await source.get("checkpoint");
    if (raw === null) throw new Unchecked("There is no checkpoint in this place.");
    const checkpoint = readCheckpoint(decoded(raw, "The checkpoint"));
    if (!keys.length) {
      const served = await source.get("policy");
      if (served === null) throw new Unchecked("There is no policy beside the checkpoint: bring a key.");
      const itsOwn = await readPolicy(decoded(served, "The policy"));
      keys = itsOwn.logs.filter((key) => key.name === checkpoint.origin);
      if (!keys.length) throw new Unchecked("The policy beside the checkpoint has no key of this log: bring one.");
      report.sentences.push("The verifier key was taken from the log itself (trust on first use): compare it with another source.");
      if (itsOwn.unknown) report.sentences.push("Keys of later kinds (ML-DSA) were not checked; the Ed25519 key was.");
    }
    const isKnown = await isSignedBy(checkpoint, keys);
    if (!isKnown && checkpoint.signatures.every(({ name }) => name !== checkpoint.origin)) {
      await checkSignature(checkpoint, keys); // not even by a key of later
    }
    Object.assign(report, { origin: checkpoint.origin, size: checkpoint.size });
    const earlier = [...checkpoints, ...(seen === null ? [] : [seen])].map(readCheckpoint);
    for (const one of earlier) {
      if (one.origin !== checkpoint.origin) throw new Unchecked("A checkpoint that was brought is of another log.");
      if (checkpoint.size < one.size) {
        await checkSignature(checkpoint, keys);
        await checkSignature(one, keys);
        checkContinuation(null, one, checkpoint);
      }
    }
    const times = [];
    for (const one of [...earlier, checkpoint]) {
      const cosigned = await cosigners(one, policy);
      if (cosigned.size) times.push({ size: one.size, at: Math.min(...cosigned.values()) });
    }
    const opened = openings === null ? null : readOpenings(openings);
    const replay = opened && new Replay(checkpoint.origin, opened, timeBounds(times, clockBound), isComplete);
    const each = async (first, leaves) => replay && replay.bundle(first, leaves);
    const ring = new Ring(checkpoint.origin, keys);
    const sizes = earlier.map((one) => one.size);
    const { roots, controls } = await readLog(source, checkpoint.size, sizes, ring, each, progress);
    for (const one of [checkpoint, ...earlier]) await ring.check(one);
    report.sentences.push(`The checkpoint of ${checkpoint.origin} has ${checkpoint.size} entries and a right signature.`);
    if (!isKnown) {
      report.sentences.push("A key of the log was changed: the key before it signed the entry that names the new one.");
    }
    if (ring.closed?.index === checkpoint.size - 1) {
      report.sentences.push(`This log is closed. It names the key of the log that follows: ${ring.closed.name}.`);
    }
    for (const one of earlier) report.sentences.push(checkContinuation(roots, one, checkpoint));
    if (!same(roots.get(checkpoint.size), checkpoint.root)) {
      throw new Broken("The entries and tiles do not hash to the root in the checkpoint.");
    }
    report.sentences.push("All entries and tiles hash to the root in the checkpoint.");
    report.sentences.push(
      `Every entry is well-formed and no nonce is repeated (${checkpoint.size - controls} events, ${controls} about the log itself).`,
    );
    if (replay) {
      const beyond = [...opened.keys()].find((index) => index >= checkpoint.size);
      if (beyond !== undefined) throw new Broken(`Entry ${beyond} is opened, but the log does not have it.`);
      replay.finish();
      report.sentences.push(`The openings fit the log: ${opened.size} entries under ${replay.grants.size} grants.`);
      if (replay.unsigned) report.sentences.push(`${replay.unsigned} of these grants are not signed with a citizen's own key.`);
      if (replay.watermark) report.sentences.push(`Below entry ${replay.watermark} openings are no longer kept.`);
      report.sentences.push(...replay.findings.slice(0, -1));
      if (replay.findings.length) throw new Broken(replay.findings[replay.findings.length - 1]);
      report.sentences.push("Replayed in the order of the log: each disclosure and use stands under a live grant.");
    }
    await judge(report, checkpoint, policy, ring.at(checkpoint.size));
  });
}

/** What a citizen keeps of an entry, as its members; null for another kind of file. */
function readKept(said) {
  if (!["consent-receipt/v1", "consent-entry-proof/v1"].includes(said.format)) return null;
  const changes = (Array.isArray(said.keys) ? said.keys : []).map(({ leaf, proof }) => [unbase64(leaf, "The leaf"), proof]);
  const secret = unbase64(said.s, "The secret of the entry");
  const opening = said.format === "consent-receipt/v1" ? said.opening : undefined;
  return { leaf: unbase64(said.leaf, "The leaf"), opening, changes, secret };
}

/** Check one receipt alone: *answer* is the JSON text of an answer with `entry` and `proof`, or of a file for life. */
export function verifyReceipt({ answer, vkeys = [], policy: policyText = null }) {
  return reported(async (report) => {
    const { policy, keys } = await readTrust(report, vkeys, policyText);
    if (!keys.length) throw new Unchecked("A receipt is checked with a verifier key or a policy: bring one.");
    let said;
    try {
      said = parse(answer);
    } catch {
      throw new Unchecked("This is not a receipt.");
    }
    const kept = isObject(said) ? readKept(said) : null;
    if (!isObject(said) || (kept === null && !isObject(said.entry)) || typeof said.proof !== "string") {
      throw new Unchecked("This is not a receipt: it has no entry and proof.");
    }
    const leaf = kept?.leaf ?? unbase64(said.entry.leaf, "The leaf");
    const { index, checkpoint } = await checkProof(said.proof, leaf, null);
    const ring = new Ring(checkpoint.origin, keys.filter((key) => key.name === checkpoint.origin));
    for (const [added, proof] of kept?.changes ?? []) await ring.learn(added, String(proof));
    await ring.check(checkpoint);
    Object.assign(report, { origin: checkpoint.origin, size: checkpoint.size });
    report.sentences.push(`The proof leads from entry ${index} to a signed root of ${checkpoint.origin}.`);
    const opened = kept === null ? said.entry.opening : kept.opening;
    if (opened !== undefined) {
      const opening = readOpening(opened, "The opening of the entry");
      await checkOpened(opening, leaf, checkpoint.origin);
      if (opening.index !== index) throw new Broken("The opening is of another entry than the proof.");
      report.sentences.push(`What was opened is what entry ${index} commits to (${opening.says.ev}).`);
    }
    if (kept !== null) {
      const tag = await keyed(kept.secret, utf8.encode("subject\0"), new Uint8Array(32));
      if (kept.secret.length !== 32 || leaf[4] !== 0 || !same(tag, leaf.subarray(24, 56))) {
        throw new Broken(`Entry ${index} is not about whom this file says.`);
      }
      report.sentences.push("This entry is about the person who gave you this file.");
    }
    await judge(report, checkpoint, policy, ring.at(checkpoint.size));
  });
}

// --- The command line ---

async function main(words) {
  const { readFile, stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const text = async (path) => {
    try {
      return await readFile(path, "utf-8");
    } catch {
      throw new Unchecked("A file cannot be read.");
    }
  };
  const given = { vkeys: [], checkpoints: [] };
  let where = null;
  const rest = [...words];
  const value = () => {
    if (!rest.length) throw new Unchecked("An option lacks its value; see the first lines of this file.");
    return rest.shift();
  };
  while (rest.length) {
    const word = rest.shift();
    if (word === "--vkey") given.vkeys.push(value());
    else if (word === "--policy") given.policy = await text(value());
    else if (word === "--seen") given.seen = await text(value());
    else if (word === "--checkpoint") given.checkpoints.push(await text(value()));
    else if (word === "--openings") given.openings = await text(value());
    else if (word === "--complete") given.isComplete = true;
    else if (word === "--clock-bound") given.clockBound = Number(value());
    else if (!word.startsWith("--") && where === null) where = word;
    else throw new Unchecked(`This is not understood: ${word}`);
  }
  if (where === null) throw new Unchecked("Name a log (URL or DIR) or a receipt (FILE).");
  if (/^https?:\/\//.test(where)) {
    let source = logAt(where);
    if ((await source.get("checkpoint")) === null) {
      const names = decoded((await source.get("log/")) ?? (await source.get("log")) ?? new Uint8Array(), "The list of logs");
      const newest = names.split("\n").filter(Boolean).pop();
      if (newest !== undefined && /^[a-z0-9][a-z0-9.-]{0,63}$/.test(newest)) {
        source = logAt(`${where.replace(/\/$/, "")}/log/${newest}`);
      }
    }
    return verifyLog({ source, ...given });
  }
  const found = await stat(where).catch(() => null);
  if (found === null) throw new Unchecked("There is no log and no receipt in this place.");
  if (!found.isDirectory()) return verifyReceipt({ answer: await text(where), ...given });
  const get = async (path) => {
    const bytes = await readFile(join(where, path)).catch(() => null);
    return bytes && new Uint8Array(bytes);
  };
  return verifyLog({ source: { get }, ...given });
}

if (typeof process !== "undefined" && process.argv?.[1] && import.meta.url.startsWith("file:")) {
  const { pathToFileURL } = await import("node:url");
  const { realpathSync } = await import("node:fs");
  if (import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
    await import("./ml-dsa-44.js").then(({ verify }) => useMlDsa(verify), () => {});
    const report = await reported(async (outer) => Object.assign(outer, await main(process.argv.slice(2))));
    console.log([...report.sentences, `Verdict: ${report.verdict}`].join("\n"));
    process.exitCode = exitCode(report);
  }
}
