"""Accounts in the admin: superusers only."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from challenge.accounts.models import ApiToken, User
from challenge.audit.admin import AuditedAdmin


@admin.register(User)
class AccountAdmin(AuditedAdmin, UserAdmin):
    """Accounts. They are closed (not active) or erased by their owners, never deleted: submissions point at them."""

    without_values = ("username", "email", "first_name", "last_name")
    list_display = ("username", "email", "is_active", "is_staff", "is_subject", "date_joined")
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Role in studies", {"fields": ("is_subject",)}))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody."""
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(AuditedAdmin):
    """Who has tokens, when they were used; the text is stored nowhere."""

    list_display = ("user", "name", "scopes", "created_at", "expires_at", "last_used_at")
    readonly_fields = ("user", "name", "scopes", "created_at", "expires_at", "last_used_at")
    exclude = ("digest",)

    def has_add_permission(self, request: object) -> bool:
        """Tokens are made by their owners."""
        return False
