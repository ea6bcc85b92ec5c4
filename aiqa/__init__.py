"""The command line of a challenge server: what a participant does, from a shell or a script (docs/cli.md).

Needs Python only. `validate` and `verify-receipt` use `scoring`, which works without a server too; nothing else of this
project is imported. All talk with the server goes through `aiqa.client`, and through the public API.
"""
