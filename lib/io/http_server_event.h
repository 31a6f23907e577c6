// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the HTTP server shows to the other doors of libevent (websocket) and to nobody else: taking over a connection.
#ifndef PAPERGUARD_IO_HTTP_SERVER_EVENT_H
#define PAPERGUARD_IO_HTTP_SERVER_EVENT_H

struct http_exchange;
struct bufferevent;

// Ends the exchange (x is dead) and hands its connection to the caller, who sends the 101 and frees the bufferevent.
// Bytes that came after the request are in its input buffer; nothing is enabled and no callback is set. The server's
// caps and its drain no longer see this connection. NULL: the client has already left.
struct bufferevent *http_exchange_take(struct http_exchange *x);

#endif
