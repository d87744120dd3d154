# shellcheck shell=bash
# shellcheck disable=SC2153 # RUNS, LOGS, NAMESPACE, GATEWAY, here and repo come from hack/demo
# What the demo prints at its end.

show_results() {
  local name
  say ""
  for name in "${RUNS[@]}"; do show_result "$LOGS/$name.json"; done
}

# show_result FILE: a run's end on a few lines; long texts cut.
show_result() {
  jq -r 'def cut($n): if length > $n then .[:$n] + " …" else . end;
    def lines($n): split("\n") | map(select(. != "")) | if length > $n then .[:$n] + ["…"] else . end | map("      " + cut(110)) | join("\n");
    .status as $s
    | "  \(.metadata.name)   \($s.phase)\(if $s.error.reason then ", " + $s.error.reason else "" end)   exit code \($s.exitCode // "none")   \($s.durationSeconds // 0 | . * 100 | round / 100) s   commit \($s.commitSHA[:12])",
      (if $s.error.message then "    error    \($s.error.message | split("\n")[0] | cut(110))" else empty end),
      ($s.outputs // {} | to_entries[] | "    output   \(.key) = \(.value | tojson | cut(100))"),
      ($s.artifacts // [] | .[] | "    file     \(.name), \(.size) bytes"),
      (if ($s.stdout // "") != "" then "    stdout\n" + ($s.stdout | lines(4)) else empty end),
      (if ($s.stderr // "") != "" then "    stderr\n" + ($s.stderr | lines(4)) else empty end),
      ""' "$1" >&2
}

what_next() {
  local kubeconfig
  kubeconfig=$("$here/cluster" kubeconfig)
  cat <<T

The node stays up. To look around:

  export KUBECONFIG=$kubeconfig PATH=$repo/build/release/bin:$CACHE/bin:\$PATH
  kubectl -n $NAMESPACE get modelruns -o wide
  kubectl -n $NAMESPACE get modelrun ${RUNS[1]} -o jsonpath='{.status.outputs.present_value}{"\\n"}'
  kubectl -n $NAMESPACE describe modelrun ${RUNS[2]}
  kubectl -n modelrun-system logs deployment/modelrun-operator --all-pods --tail 20
  kubectl modelrun run forecasts -n $NAMESPACE --model revenue --param growth=0.3
  kubectl modelrun rerun ${RUNS[1]} -n $NAMESPACE --param years=10

The same for an AI agent, over MCP (a token for an hour; docs/gateway.md has other clients):

  claude mcp add --transport http modelrun $GATEWAY/mcp --header "Authorization: Bearer \$(hack/cluster gateway | tail -n 1)"

and for people, in a browser: $GATEWAY (give it a token of \`hack/cluster gateway\`).

A model of your own, from this directory:

  mkdir -p /tmp/mine/model
  echo 'result = {"answer": 6 * 7}' >/tmp/mine/model/answer.py
  url=\$(hack/cluster repo /tmp/mine mine)          # again after each change: it commits what the directory holds
  echo "{apiVersion: modelrun.dev/v1alpha1, kind: ModelProject, metadata: {name: mine}, spec: {source: {git: {url: '\$url'}}}}" |
    kubectl -n $NAMESPACE apply -f -
  kubectl modelrun run mine -n $NAMESPACE --model answer

Four more runs: hack/demo. Everything away: hack/demo --down.
T
}
