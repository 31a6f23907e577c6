# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Paper is told from live by a piece of the text: "contains paper", "is not the live URL".

Source: staging-guides#3, paper tested as text.
Protected by: keyscan_endpoint and keyscan_data_endpoint: one scheme, one host, no port, nothing before and nothing behind."""
import pytest

URLS = ("https://api.alpaca.markets/v2", "https://paper.evil.example", "https://paper-api.alpaca.markets.evil.example",
        "https://paper-api.alpaca.markets@api.alpaca.markets", "https://api.alpaca.markets/paper-api.alpaca.markets",
        "https://api.alpaca.markets?paper=true", "https://api.alpaca.markets#paper-api.alpaca.markets", "http://paper-api.alpaca.markets",
        "https://paper-api.alpaca.markets:8443", "https://PAPER-API.alpaca.markets.", "https://broker-api.alpaca.markets", "paper")


@pytest.mark.parametrize("url", URLS)
def test_it_is_not_the_paper_host(refused, url):
    text = refused("endpoint", "paper-api.alpaca.markets", broker={"endpoint": url})
    assert "endpoint" in text and "FAIL" in text


@pytest.mark.parametrize("url", URLS[:4])
def test_nor_in_a_variable(refused, url):
    refused("APCA_API_BASE_URL", env={"APCA_API_BASE_URL": url})
