# Types the commands that README.md shows against a server of its own and compares the answers. Ids may differ; `...`
# stands for any text.
source "$(dirname "${BASH_SOURCE[0]}")/how_to_services.sh"
createdb noetl
port="$(services_free_port)"
export NOETL_PUBLIC_SERVER_URL="http://127.0.0.1:$port"
NOETL_PORT=$port noetl-server &
ready "$port"
worker "http://127.0.0.1:$port"
scripts/demo "http://127.0.0.1:$port" "$hello" >"$work/demo.log" || { cat "$work/demo.log"; exit 1; }
python3 - README.md "$port" <<'PYTHON'
import re
import subprocess
import sys
import time

page, port = sys.argv[1:]
block = re.search(r"```console\n(.*?)```", open(page).read(), re.S)[1]
last = ""
for step in re.split(r"^\$ ", block, flags=re.M)[1:]:
    command, _, expected = step.partition("\n")
    # What the page asks about is what it started the line before.
    command = command.replace("localhost:8082", f"localhost:{port}")
    if last:
        command = re.sub(r"\d{15,}", last, command)
    pattern = re.sub(r"\d{15,}", "[0-9]+", re.escape(expected.strip()).replace(re.escape("..."), ".*"))
    for _ in range(300):  # an execution takes a moment
        answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True).stdout.strip()
        if re.fullmatch(pattern, answer, re.S):
            break
        time.sleep(0.1)
    else:
        sys.exit(f"$ {command}\nexpected: {expected}got:      {answer}")
    if found := re.search(r"\d{15,}", answer):
        last = found[0]
    print("$", command)
PYTHON
