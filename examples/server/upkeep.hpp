// examples/server/upkeep.hpp: what runs by itself on the server's threads: the orchestrator and those who see that
// nothing stays undone.
#pragma once

#include <memory>
#include <span>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/playbook_library.hpp>
#include <noetl/control_plane/settings.hpp>
#include <noetl/core/id_generator.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/events/store.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/workflow/states.hpp>

namespace server {

/// All arguments outlive it. Ends with its executor.
class upkeep {
public:
   upkeep(boost::asio::any_io_executor executor, noetl::control_plane::configuration const& config,
          noetl::event_store& store, noetl::workflow::workflow_states& states, noetl::id_generator ids,
          noetl::control_plane::playbook_library& library);
   ~upkeep();

   /// When the databases have their tables.
   void start();
   /// Stores what a worker reports, and what follows from it. Thread-safe.
   boost::asio::awaitable<noetl::result<noetl::append_result>> append(noetl::append_request report);
   /// Events were committed. Thread-safe.
   void observe(std::span<noetl::event const> committed);
   /// Thread-safe.
   void report(noetl::http::samples& out) const;

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

} // namespace server
