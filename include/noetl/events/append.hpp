// events/append.hpp: what one append asks for and what it answers. Plain data.
// Knows events/envelope.hpp only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <noetl/core/strong.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl {

/// A row of noetl.command, written together with its command.issued event.
struct command_row {
   std::int64_t command_id = 0;
   noetl::execution_id execution_id{};
   noetl::event_id event_id{};     ///< of the command.issued event
   noetl::catalog_id catalog_id{}; ///< 0: that of the execution's head
   std::string step_name{};
   std::string tool_kind{};
   std::string status = "PENDING";
   int attempt = 1;
   raw_json context{};
   raw_json meta{};
   std::optional<noetl::event_id> latest_event_id{}; ///< nothing: its own event_id
};

/// A step of a command's life. Steps only go forward: PENDING < CLAIMED < RUNNING < COMPLETED = FAILED = CANCELLED; a
/// step that would go back is left out silently. The end of an execution ends its open commands: CANCELLED.
struct command_update {
   noetl::execution_id execution_id{};
   noetl::event_id event_id{}; ///< of the command.issued event
   std::string status{};       ///< CLAIMED RUNNING COMPLETED FAILED CANCELLED; empty: none, with `owned` only a check
   std::optional<std::string> worker_id{};
   std::optional<std::string> error{};
   /// A claim: only from PENDING; otherwise the whole append fails with `conflict`.
   bool required = false;
   /// A worker's report: the whole append fails with `conflict` when the command belongs to another worker by now.
   bool owned = false;
};

/// A notification to publish after the commit, kept in noetl.outbox until the bus has it.
struct outbox_row {
   noetl::execution_id execution_id{};
   noetl::event_id event_id{}; ///< also the message id
   std::string subject{};
   raw_json payload{};
};

/// What must be true of the stream for an append to happen.
struct expected {
   enum kind : std::uint8_t {
      any,             ///< a fact that commutes with all others
      exactly,         ///< the stream's version must be `version`
      undecided_since, ///< not ended, and no guarded append (exactly, undecided_since, absent) after `version`
      absent,          ///< the stream must not exist; the append creates it
   };
   kind what = any;
   std::int64_t version = 0;
};

/// What follows from an append, worked out before it was stored: the decision on a report. It is committed with the
/// append, as a guarded one when it has events, or left out: when the stream was not at `version` before, has ended,
/// when events of the append were stored already, or when the append itself is guarded. The append is not refused for
/// it, unless the table refuses a row of it.
struct follow_up {
   std::int64_t version = 0;
   std::vector<event> events{};
   std::vector<command_row> commands{};
   std::vector<outbox_row> outbox{};
};

/// One atomic append to one execution: all of it is committed together or nothing.
struct append_request {
   noetl::execution_id execution_id{};
   expected expect{};
   std::vector<event> events{};
   std::vector<command_row> commands{};
   std::vector<command_update> updates{};
   std::vector<outbox_row> outbox{};
   std::optional<noetl::follow_up> follow_up{};
   /// Status of the head afterwards, for things with a life cycle of their own, which need no catalog_id; nothing: what
   /// the events say of an execution.
   std::optional<std::string> head_status{};
   /// The events' ids were chosen by the caller, so a repeat must be answered like the first time.
   bool ids_from_client = false;
};

struct append_result {
   std::int64_t version = 0; ///< of the stream after the append; for a duplicate: of the stream now
   bool duplicate = false;   ///< everything was stored already with the same content; nothing was written
   bool followed = false; ///< the follow-up was taken, also an empty one; `version` includes it, `event_ids` does not
   std::vector<event_id> event_ids{};
   int attempt = 1; ///< of the command that a required update claimed
};

} // namespace noetl
