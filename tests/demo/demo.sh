#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Starts the demo with the interpreter of the system's packages. RUNS=n ends it after n settled runs; BIN names the programs.
set -eu
here=$(dirname "$(readlink -f "$0")")
PAPERGUARD_BIN=$(readlink -f "${BIN:-$here/../../build/bin}")
export PAPERGUARD_BIN
exec "${PYTHON:-/usr/bin/python3}" -B "$here/demo.py" --runs "${RUNS:-0}"
