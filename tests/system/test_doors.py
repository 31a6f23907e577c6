# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Who may come in: networks that may connect, networks that may write, Host names, web pages, and what a refused one is told."""
import http.client
import json

import pytest

from harness import TOKEN, Site

AUTH = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
HALT = json.dumps({"reason": "x"})


@pytest.fixture(scope="module", name="host")
def fixture_host(pg):
    listens = {"main": {"address": "127.0.0.1:0", "roles": "health api", "hosts": "staging.example"},
               "narrow": {"address": "127.0.0.1:0", "roles": "health api", "allow": "127.0.0.1 10.0.0.0/8"},
               "six": {"address": "[::1]:0", "roles": "health", "allow": "fd00::/8 ::1"},
               "nobody": {"address": "[::1]:0", "roles": "health", "allow": "fd00::/8 127.0.0.1"}}
    site = Site(pg, listens=listens, http={"write_from": "127.0.0.1"})
    try:
        yield site.begin()
    finally:
        site.close()


def ask(host, method, path, listen="main", source="127.0.0.1", headers=None, body=None):
    """Status and answer; from one of this host's loopback addresses."""
    address, port = host.daemon.addresses()[listen].rsplit(":", 1)
    link = http.client.HTTPConnection(address, int(port), timeout=10, source_address=(source, 0))
    try:
        link.request(method, path, body, headers or {})
        answer = link.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        link.close()


def test_networks_that_may_connect(host):
    assert ask(host, "GET", "/health", "narrow")[0] == 200
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        ask(host, "GET", "/health", "narrow", "127.0.0.2")
    assert "127.0.0.2 is not allowed on" in host.daemon.text()
    assert ask(host, "GET", "/health", "main", "127.0.0.2")[0] == 200
    assert host.daemon.raw("/health", listen="six")[0] == 200
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        host.daemon.raw("/health", listen="nobody")


@pytest.mark.parametrize("method,path", [("POST", "/api/v1/halt"), ("POST", "/api/v1/orders"), ("POST", "/api/v1/orchestration/run"),
                                         ("DELETE", "/api/v1/orders/x"), ("POST", "/api/v1/orders/x/cancel")])
def test_networks_that_may_write(host, method, path):
    status, answer = ask(host, method, path, source="127.0.0.2", headers=AUTH, body=HALT if method == "POST" else None)
    assert status == 403 and "127.0.0.2 may not write" in answer["detail"]
    assert ask(host, "GET", "/health")[1]["halt"]["state"] == "running"


@pytest.mark.parametrize("method,path", [("POST", "/api/v1/halt"), ("POST", "/api/v1/orders"), ("POST", "/api/v1/orchestration/run"),
                                         ("DELETE", "/api/v1/orders/x"), ("POST", "/api/v1/orders/x/cancel")])
@pytest.mark.parametrize("header", [{"Origin": "http://localhost"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                                    {"Sec-Fetch-Site": "same-origin"}, {"Host": "evil.example"}])
def test_web_pages_may_not_write(host, method, path, header):
    status, _ = ask(host, method, path, headers={**AUTH, **header}, body=HALT if method == "POST" else None)
    assert status == (421 if "Host" in header else 403)
    assert ask(host, "GET", "/health")[1]["halt"]["state"] == "running"


def test_a_rebound_name_reads_nothing(host):
    """A page whose name is made to point at this host later: its Host is not on the list."""
    for path in ("/health", "/api/v1/orders", "/openapi.json"):
        assert ask(host, "GET", path, headers={"Host": "evil.example"})[0] == 421
        assert ask(host, "GET", path, headers={"Host": "staging.example"})[0] == 200


def test_preflights_get_no_leave(host):
    address, port = host.daemon.addresses()["main"].rsplit(":", 1)
    link = http.client.HTTPConnection(address, int(port), timeout=10)
    link.request("OPTIONS", "/api/v1/halt", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"})
    answer = link.getresponse()
    assert answer.status == 405 and not [h for h in answer.headers if h.lower().startswith("access-control")]
    link.close()


@pytest.mark.parametrize("section,key,value,word", [("http", "write_from", "localhost", "expected an address"),
                                                    ("http", "write_from", "10.0.0.1/8", "beyond its mask"),
                                                    ("listen", "allow", "everyone", "expected an address")])
def test_a_wrong_network_stops_the_start(make_site, section, key, value, word):
    listens = {"main": {"address": "127.0.0.1:0", "roles": "health api", **({key: value} if section == "listen" else {})}}
    site = make_site(listens=listens, **({section: {key: value}} if section != "listen" else {}))
    done = site.daemon.start().exit()
    assert done == 78 and word in site.daemon.text() and key in site.daemon.text(), site.daemon.text()
