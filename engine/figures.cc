#include "engine/figures.h"

#include "engine/engine.h"
#include "engine/retrieve/search.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

void AddJournal(const Journal::Figures& one, Journal::Figures* all) {
  all->records += one.records;
  all->syncs += one.syncs;
  all->syncing += one.syncing;
  all->failed = all->failed || one.failed;
}

void AddView(const View& view, Micros now, Figures* figures) {
  figures->revisions += view.revision();
  for (const auto& [name, collection] : *view.state().collections) {
    figures->documents += collection->documents;
    figures->chunks += collection->chunks;
    if (const auto& other = collection->other; other && MadeHere(other->space)) {
      figures->documents_to_embed += collection->documents - other->documents;
    }
  }
  for (const auto& [id, access] : *view.policy().break_glass) {
    if (access->until > now) ++figures->open_break_glass;
  }
}

}  // namespace

Figures Engine::figures() {
  Figures figures;
  figures.guard_rejections = GuardRejections();
  figures.writer = writer_->figures();
  figures.clock_in_doubt = !clock_.Trusted().ok();
  figures.keys_copy_behind = keys_->copy_behind();
  for (const auto& tenant : Tenants()) {
    ++figures.tenants;
    figures.canary_alerts += tenant->canary_alerts->count();
    const Meters::Totals metered = tenant->meters.totals();
    figures.metered.left.passages += metered.left.passages;
    figures.metered.left.tokens += metered.left.tokens;
    figures.metered.refused += metered.refused;
    AddJournal(tenant->journal->figures(), &figures.journal);
    const PinnedView pinned = tenant->publisher.Pin(&clock_);
    AddView(*pinned.view, pinned.as_of, &figures);
  }
  return figures;
}

}  // namespace cordon
