// What a disclosure is measured beside: oidc-provider's userinfo endpoint with a DPoP-bound token, as it comes.
//
//   node userinfo.mjs FILE
//
// FILE: {"port", "scope", "values": {claim: value}, "clients": [{"id", "jwk", "jkt"}], "tokens": a file to write}
//
// It writes one access token a client to that file, once it listens: made by its own model, without a browser. Its
// adapter keeps the last 1000 things in memory, spent proofs among them; a token that is used all the time stays.

import { readFileSync, writeFileSync } from 'node:fs';

import Provider from 'oidc-provider';

const { port, scope, values, clients, tokens } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const provider = new Provider(`http://localhost:${port}`, {
  clients: clients.map(({ id, jwk }) => ({
    client_id: id,
    redirect_uris: ['https://client.example/callback'],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [jwk] },
    dpop_bound_access_tokens: true,
  })),
  clientAuthMethods: ['private_key_jwt'],
  claims: { openid: ['sub'], [scope]: Object.keys(values) },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...values }) }),
  features: { devInteractions: { enabled: false }, dPoP: { enabled: true }, userinfo: { enabled: true } },
});

provider.listen(port, '127.0.0.1', async () => {
  const made = [];
  for (const { id, jkt } of clients) {
    const accountId = `citizen-of-${id}`;
    const grant = new provider.Grant({ accountId, clientId: id });
    grant.addOIDCScope(`openid ${scope}`);
    const token = new provider.AccessToken({
      accountId,
      client: await provider.Client.find(id),
      grantId: await grant.save(),
      gty: 'authorization_code',
      scope: `openid ${scope}`,
    });
    token.setThumbprint('jkt', jkt);
    made.push(await token.save());
  }
  writeFileSync(tokens, JSON.stringify(made));
});
