"""OAuth 2.1 in the FAPI 2.0 profile as pure checks: one function a rule, each with its paragraph."""
