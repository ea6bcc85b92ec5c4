"""Accounts in the admin: superusers only."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from challenge.accounts.models import ApiToken, User


@admin.register(User)
class AccountAdmin(UserAdmin):
    """Accounts. They are closed (not active) or erased by their owners, never deleted: submissions point at them."""

    list_display = ("username", "email", "is_active", "is_staff", "is_subject", "date_joined")
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Role in studies", {"fields": ("is_subject",)}))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody."""
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Who has tokens, when they were used; the text is stored nowhere."""

    list_display = ("user", "name", "scopes", "created_at", "expires_at", "last_used_at")
    readonly_fields = ("user", "name", "scopes", "created_at", "expires_at", "last_used_at")
    exclude = ("digest",)

    def has_add_permission(self, request: object) -> bool:
        """Tokens are made by their owners."""
        return False
