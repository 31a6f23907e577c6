# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# bash completion for paperguard, made by `make docs` from the tables in daemon/ctl; change them, not this file.
# shellcheck shell=bash disable=SC2207
_paperguard_ask() {
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "${reach[@]}" complete "$1" 2>/dev/null)" -- "$cur"))
}

_paperguard() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD - 1]}" verb='' seconds='' i
    local reach=()
    COMPREPLY=()
    local verbs="status check next plan limits selftest keys strategies runs why orders fills positions logs config drift quarantine explain run strategies orders quarantine positions flatten drift halt release opening db audit rehearse"
    local options="--version --config --socket --instance --json --wide --help" valued=" --config --socket --instance --timeout --run --symbol --status --strategy --book --qty --for --days --limit --url --environment --format --prices --from --to --seed --capital --database --dump --head " pairs='|limits raise|limits revert|keys rotate|config show|config diff|strategies pause|strategies resume|orders resolve|orders retry|quarantine adopt|quarantine cancel|positions assign|drift accept|release request|release confirm|opening accept|db init|db status|db migrate|audit verify|audit dump|audit head|'
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${COMP_WORDS[i]}" in
        --config | --socket | --instance) reach+=("${COMP_WORDS[i]}" "${COMP_WORDS[++i]}") ;;
        -*) [[ $valued == *" ${COMP_WORDS[i]} "* ]] && ((i++)) ;;
        *) if [[ -z $verb ]]; then
            verb="${COMP_WORDS[i]}"
        elif [[ $pairs == *"|$verb ${COMP_WORDS[i]}|"* ]]; then
            verb="$verb ${COMP_WORDS[i]}"
        fi ;;
        esac
    done
    case "$prev" in
    --config) : && COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --socket) : && COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --instance) : && COMPREPLY=($(cd /etc/paperguard 2>/dev/null && compgen -G "$cur*.conf" | sed 's/\.conf$//')); return ;;
    --timeout) : ; return ;;
    --run) : && _paperguard_ask RUN; return ;;
    --symbol) : && _paperguard_ask SYMBOL; return ;;
    --status) : && COMPREPLY=($(compgen -W 'open closed running completed partial failed missed unknown filled canceled rejected denied dry_run not_placed' -- "$cur")); return ;;
    --strategy) : && _paperguard_ask STRATEGY; return ;;
    --book) : && _paperguard_ask BOOK; return ;;
    --qty) : ; return ;;
    --for) : ; return ;;
    --days) : ; return ;;
    --limit) : ; return ;;
    --url) : ; return ;;
    --environment) : && COMPREPLY=($(compgen -W 'staging dev' -- "$cur")); return ;;
    --format) : && COMPREPLY=($(compgen -W 'text json github' -- "$cur")); return ;;
    --prices) : ; return ;;
    --from) : ; return ;;
    --to) : ; return ;;
    --seed) : ; return ;;
    --capital) : ; return ;;
    --database) : ; return ;;
    --dump) : && COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --head) : ; return ;;
    esac
    if [[ -z $verb && $cur != -* ]]; then
        COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
        return
    fi
    case "$verb" in
    limits) seconds='raise revert' ;;
    keys) seconds='rotate' ;;
    config) seconds='show diff' ;;
    strategies) seconds='pause resume' ;;
    orders) seconds='resolve retry' ;;
    quarantine) seconds='adopt cancel' ;;
    positions) seconds='assign' ;;
    drift) seconds='accept' ;;
    release) seconds='request confirm' ;;
    opening) seconds='accept' ;;
    db) seconds='init status migrate' ;;
    audit) seconds='verify dump head' ;;
    esac
    if [[ -n $seconds && $cur != -* ]]; then
        COMPREPLY=($(compgen -W "$seconds" -- "$cur"))
        [[ ${#COMPREPLY[@]} -gt 0 ]] && return
    fi
    case "$verb" in
    'status')
        options+=" --nagios"
        [[ $cur == -* ]] || { :; return; } ;;
    'check')
        options+=" --offline --format"
        [[ $cur == -* ]] || { : && COMPREPLY=($(compgen -f -- "$cur")); return; } ;;
    'next')
        options+=" --days"
        [[ $cur == -* ]] || { :; return; } ;;
    'plan')
        options+=" --timeout"
        [[ $cur == -* ]] || { : && _paperguard_ask STRATEGY; return; } ;;
    'limits')
        options+=""
        [[ $cur == -* ]] || { :; return; } ;;
    'limits raise')
        options+=" --for"
        [[ $cur == -* ]] || { : ; return; } ;;
    'limits revert')
        options+=""
        [[ $cur == -* ]] || { : ; return; } ;;
    'selftest')
        options+=""
        [[ $cur == -* ]] || { :; return; } ;;
    'keys')
        options+=""
        [[ $cur == -* ]] || { :; return; } ;;
    'keys rotate')
        options+=""
        [[ $cur == -* ]] || { :; return; } ;;
    'strategies')
        options+=""
        [[ $cur == -* ]] || { :; return; } ;;
    'runs')
        options+=" --status --strategy --limit"
        [[ $cur == -* ]] || { :; return; } ;;
    'why')
        options+=""
        [[ $cur == -* ]] || { : && _paperguard_ask RUN; return; } ;;
    'orders')
        options+=" --parked --run --symbol --status --strategy --limit"
        [[ $cur == -* ]] || { :; return; } ;;
    'fills')
        options+=" --run --symbol --strategy --limit"
        [[ $cur == -* ]] || { :; return; } ;;
    'positions')
        options+=" --symbol --book"
        [[ $cur == -* ]] || { :; return; } ;;
    'logs')
        options+=" --follow --run"
        [[ $cur == -* ]] || { :; return; } ;;
    'config show')
        options+=" --offline"
        [[ $cur == -* ]] || { : && _paperguard_ask OPTION; return; } ;;
    'config diff')
        options+=""
        [[ $cur == -* ]] || { :; return; } ;;
    'drift')
        options+=""
        [[ $cur == -* ]] || { :; return; } ;;
    'quarantine')
        options+=" --status --limit"
        [[ $cur == -* ]] || { :; return; } ;;
    'explain')
        options+=""
        [[ $cur == -* ]] || { : && _paperguard_ask CODE; return; } ;;
    'run')
        options+=" --wait --timeout"
        [[ $cur == -* ]] || { : && _paperguard_ask STRATEGY; return; } ;;
    'strategies pause')
        options+=""
        [[ $cur == -* ]] || { : && _paperguard_ask STRATEGY; return; } ;;
    'strategies resume')
        options+=""
        [[ $cur == -* ]] || { : && _paperguard_ask STRATEGY; return; } ;;
    'orders resolve')
        options+=""
        [[ $cur == -* ]] || { : && _paperguard_ask ORDER; return; } ;;
    'orders retry')
        options+=""
        [[ $cur == -* ]] || { : && _paperguard_ask ORDER; return; } ;;
    'quarantine adopt')
        options+=" --strategy"
        [[ $cur == -* ]] || { : && _paperguard_ask ORDER; return; } ;;
    'quarantine cancel')
        options+=""
        [[ $cur == -* ]] || { : && _paperguard_ask ORDER; return; } ;;
    'positions assign')
        options+=" --qty"
        [[ $cur == -* ]] || { : && _paperguard_ask SYMBOL; return; } ;;
    'flatten')
        options+=" --strategy"
        [[ $cur == -* ]] || { : ; return; } ;;
    'drift accept')
        options+=""
        [[ $cur == -* ]] || { : ; return; } ;;
    'halt')
        options+=" --reduce-only --strategy"
        [[ $cur == -* ]] || { : ; return; } ;;
    'release request')
        options+=" --strategy"
        [[ $cur == -* ]] || { : ; return; } ;;
    'release confirm')
        options+=""
        [[ $cur == -* ]] || { : ; return; } ;;
    'opening accept')
        options+=""
        [[ $cur == -* ]] || { :; return; } ;;
    'db init')
        options+=" --url --environment"
        [[ $cur == -* ]] || { :; return; } ;;
    'db status')
        options+=" --url --environment"
        [[ $cur == -* ]] || { :; return; } ;;
    'db migrate')
        options+=" --url --environment"
        [[ $cur == -* ]] || { :; return; } ;;
    'audit verify')
        options+=" --url --environment --from --to --dump --head"
        [[ $cur == -* ]] || { :; return; } ;;
    'audit dump')
        options+=" --url --environment --from --to"
        [[ $cur == -* ]] || { :; return; } ;;
    'audit head')
        options+=" --url --environment"
        [[ $cur == -* ]] || { :; return; } ;;
    'rehearse')
        options+=" --prices --from --to --seed --capital --database --dump"
        [[ $cur == -* ]] || { :; return; } ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
}
complete -F _paperguard paperguard
