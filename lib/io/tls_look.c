// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// TLS as it is. The certificate's name is compared here once more, apart from what the transport did in the handshake.
#include "lib/io/tls_look.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static bool is_for(X509 *certificate, const char *host)
{
    unsigned char address[16];
    const unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_check_ip_asc(certificate, host, flags) == 1;
    return X509_check_host(certificate, host, 0, flags, NULL) == 1;
}

struct tls_state tls_look(const void *ssl, const char *host)
{
    // libssl asks for pointers to what it does not change.
    SSL *connection;
    memcpy(&connection, &ssl, sizeof connection);
    if (connection == NULL || !SSL_is_init_finished(connection))
        return (struct tls_state){.known = false};
    X509 *certificate = SSL_get0_peer_certificate(connection);
    return (struct tls_state){
        .known = true,
        .used = true,
        .chain_good = certificate != NULL && SSL_get_verify_result(connection) == X509_V_OK &&
                      (SSL_get_verify_mode(connection) & SSL_VERIFY_PEER) != 0,
        .host_good = certificate != NULL && is_for(certificate, host),
        .version = SSL_version(connection),
    };
}
