"""Questions of participants and the answers of organisers."""
