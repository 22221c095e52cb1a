#!/bin/sh
# A new cluster with the database and role `gateway`, whose password is $DATABASE_PASSWORD, on a Unix socket in $1.
set -eu
data="$(mktemp -d)"
printf '%s' "$DATABASE_PASSWORD" > "$data.password"
/opt/postgresql/initdb -D "$data" -U gateway -E UTF8 --auth=scram-sha-256 --pwfile="$data.password" >/dev/null
printf 'CREATE DATABASE gateway;\n' | /opt/postgresql/postgres --single -D "$data" postgres >/dev/null
exec /opt/postgresql/postgres -D "$data" -k "$1" -c listen_addresses= -c unix_socket_permissions=0777
