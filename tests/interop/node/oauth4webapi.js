// oauth4webapi, the lower library: here each step of the RFCs is a call of its own, and so is the second try with a nonce.
import * as oauth from 'oauth4webapi';
import { keysOf, serve } from './line.js';

let server, client, key, authenticate, proof, redirect, verifier, state, signed;
const insecure = { [oauth.allowInsecureRequests]: true }; // plain http, on the test's own machine only

async function start(words) {
  ({ redirect, signed } = words);
  key = await keysOf(words.key);
  client = { client_id: words.client_id };
  if (signed) {
    client.authorization_signed_response_alg = 'ES256';
    client.introspection_signed_response_alg = 'ES256';
  }
  authenticate = oauth.PrivateKeyJwt(key);
  const issuer = new URL(words.issuer);
  const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
  server = await oauth.processDiscoveryResponse(issuer, found);
  proof = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
  return server;
}

async function againWithNonce(step) {
  try {
    return await step();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return step();
  }
}

async function ask({ details, changed }) {
  verifier = oauth.generateRandomCodeVerifier();
  state = oauth.generateRandomState();
  let parameters = new URLSearchParams({
    response_type: 'code',
    redirect_uri: redirect,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    authorization_details: JSON.stringify(details),
    ...(signed ? { response_mode: 'jwt' } : {}),
    ...changed,
  });
  if (signed) {
    const request = await oauth.issueRequestObject(server, client, parameters, key);
    parameters = new URLSearchParams({ request });
  }
  const options = { DPoP: proof, ...insecure };
  const pushed = await againWithNonce(async () =>
    oauth.processPushedAuthorizationResponse(
      server,
      client,
      await oauth.pushedAuthorizationRequest(server, client, authenticate, parameters, options),
    ),
  );
  const url = new URL(server.authorization_endpoint);
  url.searchParams.set('client_id', client.client_id);
  url.searchParams.set('request_uri', pushed.request_uri);
  return { url: url.href };
}

async function receive({ back }) {
  const url = new URL(back);
  const answered = signed
    ? await oauth.validateJwtAuthResponse(server, client, url, state, insecure)
    : oauth.validateAuthResponse(server, client, url, state);
  return againWithNonce(async () =>
    oauth.processAuthorizationCodeResponse(
      server,
      client,
      await oauth.authorizationCodeGrantRequest(server, client, authenticate, answered, redirect, verifier, {
        DPoP: proof,
        ...insecure,
      }),
    ),
  );
}

const refresh = ({ token }) =>
  againWithNonce(async () =>
    oauth.processRefreshTokenResponse(
      server,
      client,
      await oauth.refreshTokenGrantRequest(server, client, authenticate, token, { DPoP: proof, ...insecure }),
    ),
  );

const own = () =>
  againWithNonce(async () =>
    oauth.processClientCredentialsResponse(
      server,
      client,
      await oauth.clientCredentialsGrantRequest(server, client, authenticate, {}, { DPoP: proof, ...insecure }),
    ),
  );

async function introspect({ token }) {
  const answer = await oauth.introspectionRequest(server, client, authenticate, token, insecure);
  const about = await oauth.processIntrospectionResponse(server, client, answer);
  if (signed) await oauth.validateApplicationLevelSignature(server, answer, insecure);
  return about;
}

async function revoke({ token }) {
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(server, client, authenticate, token, insecure),
  );
}

async function disclose({ token, url, attributes }) {
  const headers = new Headers({ 'content-type': 'application/json' });
  const body = JSON.stringify({ attributes });
  const answer = await againWithNonce(() =>
    oauth.protectedResourceRequest(token, 'POST', new URL(url), headers, body, { DPoP: proof, ...insecure }),
  );
  return { status: answer.status, body: await answer.json() };
}

await serve({ start, ask, receive, refresh, own, introspect, revoke, disclose });
