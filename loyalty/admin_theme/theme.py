from django.http import HttpRequest
def stylesheet(request: HttpRequest) -> str:
    return "/static/admin_theme/theme.css"
def navigation(request: HttpRequest):
    return []
