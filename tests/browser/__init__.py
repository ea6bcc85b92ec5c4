"""What people see, driven through headless Chromium."""
