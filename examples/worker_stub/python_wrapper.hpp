// python_wrapper.hpp: what runs around the code of a python step.
#pragma once

namespace stub {

/// Reads {"code", "args"} from standard input; writes {"data"} or {"error"} to descriptor 3. `args` are globals and
/// `input_data`. The result is the global `result`, or what main() returns, or what a return at the top level returns.
inline constexpr char const* python_wrapper = R"py(
import ast, inspect, json, os, sys, traceback
job = json.load(sys.stdin)
sys.stdin = open(os.devnull)
args = job["args"] if isinstance(job["args"], dict) else {}
scope = {"__name__": "__noetl__", **args, "input_data": args}

def returns(nodes):
    for node in nodes:
        if isinstance(node, ast.Return):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            if returns(ast.iter_child_nodes(node)):
                return True
    return False

def call_main(main):
    names = inspect.signature(main).parameters
    if any(p.kind is p.VAR_KEYWORD for p in names.values()):
        return main(**args)
    known = {n: args[n] for n in names if n in args}
    if "input_data" in names and "input_data" not in known:
        known["input_data"] = args
    missing = [n for n, p in names.items() if n not in known and p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    if len(missing) == 1 and not known:
        return main(args)
    return main(**known)

answer, code = {}, 0
try:
    tree = ast.parse(job["code"], "<step>")
    if returns(tree.body):
        body = ast.parse("def __step__():\n    pass")
        body.body[0].body = tree.body or body.body[0].body
        exec(compile(ast.fix_missing_locations(body), "<step>", "exec"), scope)
        answer["data"] = scope["__step__"]()
    else:
        exec(compile(tree, "<step>", "exec"), scope)
        if "result" in scope and "result" not in args or scope.get("result") is not args.get("result"):
            answer["data"] = scope["result"]
        elif callable(scope.get("main")):
            answer["data"] = call_main(scope["main"])
except SystemExit as stop:
    code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    if code:
        answer = {"error": "SystemExit: %s" % stop.code}
except BaseException as problem:
    traceback.print_exc()
    answer, code = {"error": "%s: %s" % (type(problem).__name__, problem)}, 1
try:
    text = json.dumps(answer, default=str, allow_nan=False)
except (TypeError, ValueError) as problem:
    text, code = json.dumps({"error": "the result is not JSON: %s" % problem}), 1
sys.stdout.flush()
with os.fdopen(3, "w") as out:
    out.write(text)
sys.exit(code)
)py";

} // namespace stub
