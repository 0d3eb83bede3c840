from django import forms
from django.contrib import admin, messages
from django.db.models import Count
from django.utils.html import format_html
from django.utils.translation import ngettext

from .models import Post, Tag


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"
    querysets = {"draft": "drafts", "scheduled": "scheduled", "published": "published"}

    def lookups(self, request, model_admin):
        return [(state, state.capitalize()) for state in self.querysets]

    def queryset(self, request, queryset):
        if verb := self.querysets.get(self.value()):
            return getattr(queryset, verb)()
        return queryset


class PostForm(forms.ModelForm):
    class Meta:
        model = Post
        # PostAdmin.fieldsets says which of them, and in which order.
        fields = "__all__"  # noqa: DJ007
        widgets = {
            "summary": admin.widgets.AdminTextareaWidget(attrs={"rows": 3}),
            "body": admin.widgets.AdminTextareaWidget(attrs={"rows": 28}),
        }


@admin.register(Post)
class PostAdmin(admin.ModelAdmin):
    form = PostForm
    list_display = ["title", "page", "state", "published_at", "tag_names"]
    list_filter = [StateFilter, "tags"]
    list_per_page = 50
    search_fields = ["title", "summary", "body", "tags__name"]
    # The newest work first; drafts, which have no publication date, would come last otherwise.
    ordering = ["-updated_at"]
    prepopulated_fields = {"slug": ["title"]}
    autocomplete_fields = ["tags"]
    readonly_fields = ["created_at", "updated_at"]
    fieldsets = [
        (None, {"fields": ["title", "slug", "summary", "body", "tags"]}),
        ("Publication", {"fields": ["published_at", "created_at", "updated_at"]}),
    ]
    save_on_top = True
    actions = ["publish", "withdraw"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("tags")

    @admin.display(description="state")
    def state(self, post):
        return post.state.capitalize()

    @admin.display(description="tags")
    def tag_names(self, post):
        return ", ".join(tag.name for tag in post.tags.all())

    @admin.display(description="page")
    def page(self, post):
        label = "View" if post.state == "published" else "Preview"
        return format_html('<a href="{}">{}</a>', post.get_absolute_url(), label)

    def view_on_site(self, post):
        return post.get_absolute_url()

    @admin.action(description="Publish selected posts now", permissions=["change"])
    def publish(self, request, queryset):
        count = queryset.publish()
        self.message_user(
            request, ngettext("%d post published.", "%d posts published.", count) % count, messages.SUCCESS
        )

    @admin.action(description="Make drafts of selected posts again", permissions=["change"])
    def withdraw(self, request, queryset):
        count = queryset.withdraw()
        self.message_user(
            request, ngettext("%d post withdrawn.", "%d posts withdrawn.", count) % count, messages.SUCCESS
        )


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "post_count"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(post_count=Count("posts"))

    @admin.display(description="posts", ordering="post_count")
    def post_count(self, tag):
        return tag.post_count
