#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
# Writes files as C: one `static const char WEB_NAME_EXT[]` per NAME.EXT.
set -eu
echo '// Generated from daemon/web; do not edit.'
echo '#ifndef PAPERGUARD_WEB_GEN_H'
echo '#define PAPERGUARD_WEB_GEN_H'
for f in "$@"; do
    name=$(basename "$f" | tr 'a-z.-' 'A-Z__')
    printf '__attribute__((unused)) static const char WEB_%s[] =\n' "$name"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/    "/' -e 's/$/\\n"/' "$f"
    printf '    "";\n'
done
echo '#endif'
