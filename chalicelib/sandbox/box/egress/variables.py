"""What the programs inside a box read from their environment to find the proxy and to trust it."""

_NOT_PROXIED = "localhost,127.0.0.1,::1"
_PROXY = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_BUNDLE = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "DENO_CERT",
    "NIX_SSL_CERT_FILE",
)


def proxy_environment(port: int = 3128, ca_path: str | None = None) -> dict[str, str]:
    """The variables for a proxy on this port of the box's own loopback; ``ca_path`` is where the bundle lies inside."""
    url = f"http://127.0.0.1:{port}"
    names = [*_PROXY, *(name.lower() for name in _PROXY)]
    found = dict.fromkeys(names, url) | {"NO_PROXY": _NOT_PROXIED, "no_proxy": _NOT_PROXIED}
    found |= {"NODE_USE_ENV_PROXY": "1", "npm_config_proxy": url, "npm_config_https_proxy": url}
    found["npm_config_noproxy"] = _NOT_PROXIED
    if ca_path is not None:
        found |= dict.fromkeys(_BUNDLE, ca_path) | {"npm_config_cafile": ca_path}
    return found
