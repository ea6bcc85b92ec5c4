"""Accounts in the admin: superusers only."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from challenge.accounts.models import ApiToken, User

admin.site.register(User, UserAdmin)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Who has tokens, when they were used; the text is stored nowhere."""

    list_display = ("user", "name", "scopes", "created_at", "expires_at", "last_used_at")
    readonly_fields = ("user", "name", "scopes", "created_at", "expires_at", "last_used_at")
    exclude = ("digest",)

    def has_add_permission(self, request: object) -> bool:
        """Tokens are made by their owners."""
        return False
