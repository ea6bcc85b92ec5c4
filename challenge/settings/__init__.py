"""Settings: `base` holds what is true everywhere; `embedded`, `production` and `test` say where things live.

Every deployment-specific value is an environment variable (docs/operations.md lists them all).
"""
