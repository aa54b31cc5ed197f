#!/usr/bin/env bash
# Installs the clients that tests/tests/clients.rs tries, below target/clients; those that are there are left as they are.
# Needs root for Debian's packages (mariadb-client, sysbench, nodejs, npm, python3-venv).
set -euo pipefail
cd "$(dirname "$0")/../.."
missing=()
command -v mariadb >/dev/null || missing+=(mariadb-client)
command -v sysbench >/dev/null || missing+=(sysbench)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
mkdir -p target/clients
cd target/clients
[ -x venv/bin/python ] || python3 -m venv venv
venv/bin/python -c 'import pymysql, sqlalchemy' 2>/dev/null || venv/bin/pip install -q 'pymysql==1.*' 'sqlalchemy==2.*'
[ -d node_modules/mysql2 ] || npm install --silent --no-audit --no-fund --prefix . mysql2@3
