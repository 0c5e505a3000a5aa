import FoundationEssentials
import Postgres

/// A batch as columns, one statement's worth: the events, the groups that they sum up to, and their models.
struct UsageColumns: Sendable {
    private(set) var ids: ColumnBuilder<UUID>
    /// Microseconds since 1970.
    private(set) var times: ColumnBuilder<Int>
    private(set) var offsets: ColumnBuilder<Int>
    /// From 1: which group the event is of.
    private(set) var groups: ColumnBuilder<Int>
    private(set) var input: ColumnBuilder<Int>
    private(set) var output: ColumnBuilder<Int>
    private(set) var cached: ColumnBuilder<Int>
    private(set) var reasoning: ColumnBuilder<Int>
    private(set) var millicredits: ColumnBuilder<Int>

    /// Of each group: hours since 1970, its workspace, its model by number from 1.
    private(set) var groupHours = ColumnBuilder<Int>(capacity: 16)
    private(set) var groupWorkspaces = ColumnBuilder<UUID>(capacity: 16)
    private(set) var groupModels = ColumnBuilder<Int>(capacity: 16)

    private(set) var providers: [String] = []
    private(set) var models: [String] = []

    private struct Model: Hashable {
        var provider: String
        var model: String
    }

    private struct Group: Hashable {
        var hour: Int
        var workspaceID: UUID
        var model: Int
    }

    private var modelNumbers: [Model: Int] = [:]
    private var groupNumbers: [Group: Int] = [:]

    init(_ events: [CountedEvent]) {
        ids = ColumnBuilder(capacity: events.count)
        times = ColumnBuilder(capacity: events.count * 2)
        offsets = ColumnBuilder(capacity: events.count)
        groups = ColumnBuilder(capacity: events.count)
        input = ColumnBuilder(capacity: events.count)
        output = ColumnBuilder(capacity: events.count)
        cached = ColumnBuilder(capacity: events.count)
        reasoning = ColumnBuilder(capacity: events.count)
        millicredits = ColumnBuilder(capacity: events.count)
        for event in events { append(event) }
    }

    private mutating func append(_ event: CountedEvent) {
        ids.append(event.id)
        times.append(event.occurredAt)
        offsets.append(event.offset)
        groups.append(group(of: event))
        input.append(event.tokens.input)
        output.append(event.tokens.output)
        cached.append(event.tokens.cached)
        reasoning.append(event.tokens.reasoning)
        millicredits.append(event.millicredits)
    }

    private mutating func group(of event: CountedEvent) -> Int {
        let group = Group(
            hour: event.occurredAt / 3_600_000_000, workspaceID: event.workspaceID,
            model: number(of: Model(provider: event.provider, model: event.model)))
        if let known = groupNumbers[group] { return known }
        groupNumbers[group] = groupNumbers.count + 1
        groupHours.append(group.hour)
        groupWorkspaces.append(group.workspaceID)
        groupModels.append(group.model)
        return groupNumbers.count
    }

    private mutating func number(of model: Model) -> Int {
        if let known = modelNumbers[model] { return known }
        modelNumbers[model] = modelNumbers.count + 1
        providers.append(model.provider)
        models.append(model.model)
        return modelNumbers.count
    }
}
