from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.templatetags.static import static
from django.utils.cache import add_never_cache_headers
from django.views.generic import DetailView, ListView

from .models import Post, Tag

POSTS_PER_PAGE = 6


class PostListView(ListView):
    model = Post
    template_name = "posts/list.html"
    context_object_name = "posts"
    paginate_by = POSTS_PER_PAGE

    def get_queryset(self):
        return super().get_queryset().published().prefetch_related("tags")

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        page = context["page_obj"]
        return context | {"pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)}


class TagView(PostListView):
    template_name = "posts/tag.html"

    def get_queryset(self):
        self.tag = get_object_or_404(Tag.objects.in_use(), slug=self.kwargs["slug"])
        return super().get_queryset().filter(tags=self.tag)

    def get_context_data(self, **kwargs):
        return super().get_context_data(tag=self.tag, **kwargs)


class SearchView(PostListView):
    template_name = "posts/search.html"

    def get_queryset(self):
        self.query = self.request.GET.get("q", "").strip()[:100]
        return super().get_queryset().matching(self.query)

    def get_context_data(self, **kwargs):
        return super().get_context_data(query=self.query, **kwargs)


class TagListView(ListView):
    template_name = "posts/tags.html"
    context_object_name = "tags"

    def get_queryset(self):
        return Tag.objects.in_use()


class PostView(DetailView):
    template_name = "posts/post.html"
    context_object_name = "post"

    def get_queryset(self):
        return Post.objects.prefetch_related("tags")

    def get_object(self, queryset=None):
        """The post, if it is published or if it is an editor who previews it."""
        post = super().get_object(queryset)
        # The session is read for posts that readers don't see only, so that public pages depend on no cookie.
        if post.state != "published" and not self.request.user.has_perm("posts.view_post"):
            raise Http404
        return post

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        if self.object.state == "published":
            published = Post.objects.published()
            at, pk = self.object.published_at, self.object.pk
            context |= {
                "older": published.filter(published_at__lte=at).exclude(published_at=at, pk__gte=pk).first(),
                "newer": published.filter(published_at__gte=at).exclude(published_at=at, pk__lte=pk).last(),
            }
        return context

    def render_to_response(self, context, **kwargs):
        response = super().render_to_response(context, **kwargs)
        if self.object.state != "published":
            add_never_cache_headers(response)
        return response


def favicon(request):
    """For what asks for it without having been told to, the pages of the admin among others."""
    return redirect(static("posts/icon.svg"))
