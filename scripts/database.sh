# The stack's private PostgreSQL: its own data folder, a unix socket, no TCP. Sourced.
# shellcheck shell=bash

POSTGRES_BIN="$(compgen -G '/usr/lib/postgresql/*/bin' | sort -t/ -k5 -n | tail -n1 || true)"

# PostgreSQL refuses to run as root: Debian's package made a user for it.
if [[ $(id -u) == 0 ]]; then
    POSTGRES_USER_NAME=postgres
    AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --init-groups)
else
    POSTGRES_USER_NAME="$(id -un)"
    AS_POSTGRES=(env)
fi

# The data folder and the socket's: in LOCAL_DIR, or in /var/tmp where that user may not look into LOCAL_DIR.
place_database() {
    DATABASE_DIR="$LOCAL_DIR/postgres"
    DATABASE_SOCKETS="$SOCKET_DIR"
    if ! "${AS_POSTGRES[@]}" test -x "$LOCAL_DIR"; then
        DATABASE_DIR="/var/tmp/cp-$(printf %s "$LOCAL_DIR" | cksum | cut -d' ' -f1)"
        DATABASE_SOCKETS="$DATABASE_DIR/run"
    fi
}

# Who the service signs in as: it owns no table, so that it cannot lift the audit log's protection.
DATABASE_SERVICE=service

# A fresh cluster each time: what the last one told of is gone with the cloud that it described.
make_database() {
    local password="$DATABASE_DIR/password"
    rm -rf "$DATABASE_DIR"
    mkdir -p "$DATABASE_DIR" "$DATABASE_SOCKETS"
    (umask 077 && printf '%s\n' "$DATABASE_PASSWORD" >"$password")
    chown "$POSTGRES_USER_NAME" "$DATABASE_DIR" "$DATABASE_SOCKETS" "$password"
    cd /
    "${AS_POSTGRES[@]}" "$POSTGRES_BIN/initdb" --pgdata="$DATABASE_DIR/data" --username=controlplane \
        --pwfile="$password" --auth=scram-sha-256 --no-sync --encoding=UTF8 --locale=C.UTF-8
    rm -f "$password"
}

start_database() {
    place_database
    step initdb 'Creating a private PostgreSQL cluster' make_database
    start_process postgres "${AS_POSTGRES[@]}" "$POSTGRES_BIN/postgres" -D "$DATABASE_DIR/data" \
        -c listen_addresses= -c "unix_socket_directories=$DATABASE_SOCKETS" -c max_connections=200
    await postgres 'Starting PostgreSQL' 30 \
        "$POSTGRES_BIN/pg_isready" -q -h "$DATABASE_SOCKETS" -U controlplane -d postgres
}

# The password travels by standard input: a process list shows nothing of it.
make_service_role() {
    PGPASSWORD="$DATABASE_PASSWORD" PGHOST="$DATABASE_SOCKETS" "$POSTGRES_BIN/psql" --no-psqlrc --quiet -v ON_ERROR_STOP=1 \
        --username=controlplane --dbname=postgres <<SQL
CREATE ROLE $DATABASE_SERVICE LOGIN PASSWORD '$DATABASE_SERVICE_PASSWORD';
SQL
}
