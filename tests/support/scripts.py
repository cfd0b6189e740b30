"""Texts that run as script where a page takes them for markup, or an address, or a template; and the pages to try."""

# At most 64 characters each, as a merchant's name; `ran` says that one ran.
SCRIPTS = [
    "<script>ran()</script>",
    '"><img src=x onerror=ran()>',
    "'><svg/onload=ran()>",
    "</pre></td><script>ran()</script>",
    "</title></textarea><script>ran()</script>",
    "javascript:ran()//",
    '" autofocus onfocus="ran()" x="',
    "{{ran()}}{%print(7)%}${ran()}",
    "<iframe srcdoc='<script>parent.ran()</script>'>",
    "\\u003cscript>ran()\\u003c/script>",
    "<a href=javascript:ran()>x</a>",
    "&lt;script&gt;ran()&lt;/script&gt;",
    "<!--<script>ran()//",
    "<base href=//127.0.0.1:9/>",
]
# Every page, and what it may be asked; that of a user and of an offer called `scripted`.
PAGES = {
    "/": [],
    "/users": ["q"],
    "/users/scripted": ["cursor", "currency", "min", "max", "merchant", "from", "to", "chart"],
    "/offers": ["cursor"],
    "/offers/scripted": ["zone", "row"],
    "/me": [],
    "/account": [],
    "/admin": ["cursor"],
    "/admin/offers": ["cursor"],
    "/admin/offers/scripted": [],
    "/admin/accounts": ["q", "cursor"],
    "/login": ["next"],
    "/signup": ["next"],
    "/docs": [],
    "/nothing": ["x"],
}
