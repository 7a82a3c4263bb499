# docs/how-to/pgbouncer.md
source "$(dirname "${BASH_SOURCE[0]}")/how_to_services.sh"
command -v pgbouncer >/dev/null || { echo "pgbouncer is not installed"; exit 77; }
createdb noetl
port="$(services_free_port)" pooler="$(services_free_port)"
cd "$work"

# snippet: pooler
cat >pgbouncer.ini <<END
[databases]
noetl = host=127.0.0.1 port=$PGPORT dbname=noetl
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pooler
unix_socket_dir =
auth_type = scram-sha-256
auth_file = users.txt
pool_mode = transaction
default_pool_size = 8
END
(umask 077 && printf '"noetl" "%s"\n' "$POSTGRES_PASSWORD" >users.txt)
# end snippet
as=()
if [ "$(id -u)" -eq 0 ]; then # it refuses to run as root
   as=(setpriv --reuid=postgres --regid=postgres --init-groups)
   chown postgres users.txt pgbouncer.ini
fi
"${as[@]}" pgbouncer pgbouncer.ini >pgbouncer.log 2>&1 &

# snippet: start
export POSTGRES_PORT=$pooler NOETL_PG_STATEMENT_CACHE_CAPACITY=0
NOETL_PORT=$port NOETL_PUBLIC_SERVER_URL="http://127.0.0.1:$port" noetl-server &
# end snippet
ready "$port"
worker "http://127.0.0.1:$port"
"$project/scripts/demo" "http://127.0.0.1:$port" "$project/$hello"
grep -q 'login attempt' pgbouncer.log || { cat pgbouncer.log; fail "nobody came through the pooler"; }
