#include "controller/run_spans.h"

#include <utility>

#include "api/reason.h"

namespace modelrun::controller {
namespace {

using traces::Attribute;
using traces::Span;

constexpr std::string_view kRoot = "ModelRun";

bool has_failed(const api::ModelRun& run) {
  return run.status.phase == api::Phase::kFailed || run.status.phase == api::Phase::kTimedOut;
}

// What each span of the run has, so that every part is found by it.
std::vector<Attribute> names_of(const api::ModelRun& run) {
  return {{"k8s.namespace.name", run.meta.namespace_},
          {"modelrun.run.name", run.meta.name},
          {"modelrun.run.uid", run.meta.uid},
          {"modelrun.project", run.spec.project}};
}

void put(std::vector<Attribute>& attributes, std::string_view key, const std::string& value) {
  if (!value.empty()) attributes.push_back({std::string(key), value});
}

std::vector<Attribute> describe(const api::ModelRun& run) {
  const auto& status = run.status;
  auto attributes = names_of(run);
  put(attributes, "modelrun.model", run.spec.model_name);
  put(attributes, "modelrun.commit", status.commit_sha);
  put(attributes, "modelrun.phase", std::string(to_string(status.phase)));
  put(attributes, "modelrun.reason", status.error ? status.error->reason : std::string(api::reason::kSucceeded));
  put(attributes, "modelrun.start", status.provenance.start);
  if (run.meta.owner_kind == "ModelSweep") put(attributes, "modelrun.sweep.name", run.meta.owner_name);
  if (status.reused_from) put(attributes, "modelrun.reused_from.uid", status.reused_from->uid);
  if (status.run_number > 0) attributes.push_back({"modelrun.run.number", status.run_number});
  if (status.attempts > 0) attributes.push_back({"modelrun.attempts", status.attempts});
  if (const auto& points = status.points) {
    attributes.push_back({"modelrun.points.total", points->total});
    attributes.push_back({"modelrun.points.failed", points->failed});
  }
  return attributes;
}

// Adds the part below the first span, the run's own, if it began, and returns it. Without an end it was under way when
// the run ended, and failed with it.
Span* add_part(std::vector<Span>& spans, const api::ModelRun& run, std::string_view name, std::optional<Time> begin,
               std::optional<Time> end) {
  if (!begin) return nullptr;
  const Span& root = spans.front();
  Span part;
  part.self = root.self;
  part.self.span_id = traces::span_id_of(run.meta.uid, name);
  part.parent = root.self.span_id;
  part.name = name;
  part.begin = *begin;
  part.end = end.value_or(root.end);
  part.attributes = names_of(run);
  part.error = !end && has_failed(run);
  return &spans.emplace_back(std::move(part));
}

void add_model(std::vector<Span>& spans, const api::ModelRun& run) {
  const auto& status = run.status;
  if (status.pod_name.empty()) return;  // the pod of this time went when the run was suspended
  Span* model = add_part(spans, run, "model", status.timeline.started, status.timeline.finished);
  if (model == nullptr) return;
  put(model->attributes, "k8s.pod.name", status.pod_name);
  put(model->attributes, "k8s.node.name", status.node_name);
  if (status.exit_code) model->attributes.push_back({"modelrun.exit_code", std::int64_t{*status.exit_code}});
  // A model that ended with 0 has not failed, whatever happened to its result.
  model->error = has_failed(run) && status.exit_code != 0;
}

}  // namespace

api::TraceContext trace_of(const api::ModelRun& run, const traces::Tracer& tracer) {
  if (run.trace) return *run.trace;
  api::TraceContext trace{.trace_id = traces::trace_id_of(run.meta.uid), .span_id = {}};
  if (tracer.samples(trace.trace_id)) trace.flags = 1;
  return trace;
}

std::vector<Span> spans_of(const api::ModelRun& run, const api::TraceContext& trace) {
  const auto& status = run.status;
  const auto& times = status.timeline;
  if (!api::is_final(status.phase) || !times.recorded) return {};
  Span root;
  root.self = trace;
  root.self.span_id = traces::span_id_of(run.meta.uid, kRoot);
  root.parent = trace.span_id;
  root.remote_parent = !trace.span_id.empty();
  root.name = kRoot;
  root.begin = run.meta.creation;
  root.end = *times.recorded;
  root.attributes = describe(run);
  root.error = has_failed(run);
  // Only the reason: the message may have the model's own words, which are for those who may read the run.
  if (root.error && status.error) root.error_message = status.error->reason;
  std::vector<Span> spans{std::move(root)};
  const auto add = [&](std::string_view name, std::optional<Time> begin, std::optional<Time> end) {
    add_part(spans, run, name, begin, end);
  };
  // While a run is suspended nobody resolves anything.
  const bool held = times.resumed && (!times.resolved || *times.resumed < *times.resolved);
  add("resolve", held ? times.resumed : run.meta.creation, times.resolved);
  const auto begun = times.adopted ? times.adopted : times.job_created;
  // Of the attempts before the last one, the timeline has no times.
  add(status.attempts > 1 ? "queue and earlier attempts" : "queue", times.queued, begun);
  if (times.job_resumed) add("suspended job", begun, times.job_resumed);
  add("pod", times.job_resumed ? times.job_resumed : begun, times.started);
  add_model(spans, run);
  if (times.started) add("record", times.finished, times.recorded);
  return spans;
}

void trace_end(const Context& context, const api::ModelRun& run) {
  if (context.tracer == nullptr) return;
  const auto trace = trace_of(run, *context.tracer);
  if (!trace.sampled()) return;
  for (const auto& span : spans_of(run, trace)) context.tracer->record(span);
}

}  // namespace modelrun::controller
