from chalicelib.sandbox.box.egress.variables import proxy_environment


def test_both_spellings_of_the_proxy() -> None:
    found = proxy_environment(4000)
    for name in ("HTTP_PROXY", "https_proxy", "ALL_PROXY", "npm_config_https_proxy"):
        assert found[name] == "http://127.0.0.1:4000"
    assert found["NO_PROXY"] == found["no_proxy"] == "localhost,127.0.0.1,::1"
    assert found["NODE_USE_ENV_PROXY"] == "1"
    assert not any("CA" in name or "CERT" in name for name in found)


def test_the_bundle() -> None:
    found = proxy_environment(ca_path="/etc/lambent/ca.pem")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"):
        assert found[name] == "/etc/lambent/ca.pem"
    assert found["HTTP_PROXY"] == "http://127.0.0.1:3128"
