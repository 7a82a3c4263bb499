// control_plane/announcements.hpp: notifications for commands that have none: those of older servers, which kept none.
// Knows the event store and the pool rules of workflow/commands.hpp; where playbooks come from is a function given to
// it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/events/store.hpp>
#include <noetl/workflow/commands.hpp>
#include <noetl/workflow/playbook.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// Thread-safe.
class announcements {
public:
   using playbook_ptr = std::shared_ptr<workflow::playbook const>;
   using playbook_source = std::function<awaitable<result<playbook_ptr>>(catalog_id)>;

   /// \param server_url  absolute URL that every worker reaches
   announcements(event_store& store, playbook_source playbooks, std::string server_url)
       : store_(store), playbooks_(std::move(playbooks)), server_url_(std::move(server_url)) {}

   /// Makes the missing notifications of a shard. \return how many
   awaitable<result<std::size_t>> make_missing(std::size_t shard) {
      constexpr std::size_t page = 500;
      for (std::size_t made = 0;;) {
         auto waiting = co_await store_.unannounced(shard, page);
         if (!waiting) co_return std::move(waiting).error();
         if (waiting->empty()) co_return made;
         std::vector<announcement_target> targets;
         for (auto const& command : *waiting) {
            auto pool = co_await pool_of(command);
            if (!pool) co_return std::move(pool).error();
            auto subject = workflow::command_subject(*pool, command.execution_id);
            targets.push_back({command.execution_id, command.event_id, std::move(subject), *std::move(pool)});
         }
         auto const wanted = targets.size();
         auto stored = co_await store_.announce(shard, std::move(targets), server_url_);
         if (!stored) co_return std::move(stored).error();
         made += *stored;
         if (*stored > 0) log::info("announcements.made", {{"shard", shard}, {"commands", *stored}});
         if (wanted < page || *stored == 0) co_return made;
      }
   }

private:
   /// A playbook that is gone does not keep its commands from a worker: they carry all they need.
   awaitable<result<std::string>> pool_of(unannounced_command const& command) {
      std::optional<std::string> path;
      if (!command.execution_pool) {
         auto book = co_await playbooks_(command.catalog_id);
         if (book)
            path = (*book)->path;
         else if (book.error().code == error_code::unavailable)
            co_return std::move(book).error();
      }
      co_return workflow::stored_command_pool(command.execution_pool, path);
   }

   event_store& store_;
   playbook_source playbooks_;
   std::string server_url_;
};

} // namespace noetl::control_plane
