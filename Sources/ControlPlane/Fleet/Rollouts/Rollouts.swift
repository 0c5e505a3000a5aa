import Postgres
import Workflows

/// What is done with rollouts: planning, starting, and going on and ending their parts.
package struct Rollouts: Sendable {
    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    package var database: PostgresPool { fleet.database }
    package var engine: WorkflowEngine { fleet.engine }
}
