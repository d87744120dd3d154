#include "controller/term.h"

#include <utility>

#include "controller/wiring.h"

namespace modelrun::controller {

Term::Term(Parts parts)
    : run_queue_({.name = "runs", .seed = parts.seed}, parts.steady, &parts.metrics),
      project_queue_({.name = "projects", .seed = parts.seed}, parts.steady, &parts.metrics),
      sweep_queue_({.name = "sweeps", .seed = parts.seed}, parts.steady, &parts.metrics),
      end_event_queue_({.name = "end_events", .seed = parts.seed}, parts.steady, &parts.metrics),
      // The key may be that of a run or of a sweep. A pass over the other one, if there is one, finds nothing to do.
      large_(parts.steady,
             [this](const std::string& key) {
               run_queue_.add(key);
               sweep_queue_.add(key);
             }),
      inbox_(std::make_shared<Inbox>(parts.steady)),
      standbys_(std::make_shared<Standbys>(parts.steady, parts.seed)),
      points_(parts.steady),
      ends_(parts.steady),
      image_volumes_(parts.image_volumes),
      sweeps_(parts.steady),
      owed_(parts.steady, parts.seed),
      pace_(parts.steady),
      context_{parts.client, parts.settings,  parts.clock, parts.steady,     parts.caches, parts.events, parts.metrics,
               results_,     large_,          *inbox_,     sources_,         slots_,       leads_,       *standbys_,
               points_,      project_writes_, ends_,       image_volumes_,   sweeps_,      run_queue_,   project_queue_,
               sweep_queue_, owed_,           pace_,       end_event_queue_, parts.tracer, parts.sink},
      sources_(
          {parts.client, parts.policy, parts.git, parts.steady}, std::move(parts.executor),
          [this](const std::string& key) { run_queue_.add(key); },
          [this](const std::string& key) { project_queue_.add(key); }) {}

Term::~Term() {
  inbox_->close();
  standbys_->close();
  points_.close();
}

void CurrentTerm::begin(const std::shared_ptr<Term>& term) {
  const auto& context = term->context();
  {
    const WriteLock lock(mutex_);
    term_ = term;
  }
  enqueue_all(context);
}

void CurrentTerm::end() {
  const WriteLock lock(mutex_);
  term_.reset();
}

bool CurrentTerm::leading() const {
  const ReadLock lock(mutex_);
  return term_ != nullptr;
}

}  // namespace modelrun::controller
