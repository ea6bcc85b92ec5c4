"""The one way to tell people something: notices, the inbox, mail as each person wants it."""
