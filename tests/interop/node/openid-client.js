// openid-client as an organisation would use it. Nothing here knows the service: all addresses come from its metadata.
import * as client from 'openid-client';
import { keysOf, serve } from './line.js';

let config, key, proof, redirect, verifier, state, signed;

async function start(words) {
  ({ redirect, signed } = words);
  key = await keysOf(words.key);
  const metadata = signed
    ? { authorization_signed_response_alg: 'ES256', introspection_signed_response_alg: 'ES256' }
    : {};
  // Plain http is for the test's own machine only; the library has to be told.
  const execute = [client.allowInsecureRequests];
  if (signed) execute.push(client.useJwtResponseMode, client.enableNonRepudiationChecks);
  config = await client.discovery(new URL(words.issuer), words.client_id, metadata, client.PrivateKeyJwt(key), {
    algorithm: 'oauth2',
    execute,
  });
  proof = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
  return config.serverMetadata();
}

async function ask({ details, changed }) {
  verifier = client.randomPKCECodeVerifier();
  state = client.randomState();
  let parameters = {
    redirect_uri: redirect,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    authorization_details: JSON.stringify(details),
    ...changed,
  };
  if (signed) {
    parameters = (await client.buildAuthorizationUrlWithJAR(config, parameters, key)).searchParams;
  }
  const url = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP: proof });
  return { url: url.href };
}

async function receive({ back }) {
  const checks = { expectedState: state, pkceCodeVerifier: verifier };
  return client.authorizationCodeGrant(config, new URL(back), checks, undefined, { DPoP: proof });
}

const refresh = ({ token }) => client.refreshTokenGrant(config, token, undefined, { DPoP: proof });
const own = () => client.clientCredentialsGrant(config, undefined, { DPoP: proof });
const introspect = ({ token }) => client.tokenIntrospection(config, token);
const revoke = ({ token }) => client.tokenRevocation(config, token);

async function disclose({ token, url, attributes }) {
  const headers = new Headers({ 'content-type': 'application/json' });
  const body = JSON.stringify({ attributes });
  const answer = await client.fetchProtectedResource(config, token, new URL(url), 'POST', body, headers, {
    DPoP: proof,
  });
  return { status: answer.status, body: await answer.json() };
}

await serve({ start, ask, receive, refresh, own, introspect, revoke, disclose });
