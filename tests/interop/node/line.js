// How a test talks to a client library: one command a line comes in, one answer a line goes out, both JSON.
import { createInterface } from 'node:readline';

// What a library threw, as far as whoever uses it can see it: the RFC's own word, the status, the library's own class.
function asSeen(error) {
  const challenge = Array.isArray(error.cause) ? error.cause[0]?.parameters : undefined;
  return {
    refused: error.error ?? challenge?.error ?? error.code ?? error.name,
    status: error.status ?? error.cause?.status ?? null,
    because: error.error_description ?? challenge?.error_description ?? error.message,
    thrown: error.name,
  };
}

export async function serve(commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { command, ...words } = JSON.parse(line);
    let answer;
    try {
      answer = (await commands[command](words)) ?? {};
    } catch (error) {
      answer = asSeen(error);
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

export async function keysOf(pkcs8) {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  return crypto.subtle.importKey('pkcs8', Buffer.from(pkcs8, 'base64'), algorithm, false, ['sign']);
}
