// What our OAuth endpoints are measured beside: oidc-provider as it comes, in its FAPI 2.0 profile.
//
//   node server.mjs FILE      FILE: {"port", "clients": [{"id", "jwk", "redirect_uri"}]}
//
// Its own adapter keeps everything in memory (the last 1000 things), so nothing it answers is durable.

import { readFileSync } from 'node:fs';

import Provider from 'oidc-provider';

const { port, clients } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const provider = new Provider(`http://localhost:${port}`, {
  clients: clients.map(({ id, jwk, redirect_uri }) => ({
    client_id: id,
    redirect_uris: [redirect_uri],
    response_types: ['code'],
    grant_types: ['authorization_code', 'client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [jwk] },
    dpop_bound_access_tokens: true,
  })),
  clientAuthMethods: ['private_key_jwt'],
  scopes: ['openid', 'attributes'],
  features: {
    devInteractions: { enabled: false },
    fapi: { enabled: true, profile: '2.0' },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
  },
});

provider.listen(port, '127.0.0.1');
