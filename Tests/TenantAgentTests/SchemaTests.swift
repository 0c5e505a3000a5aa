import DurableFiles
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

@Test func aSchemaLabelIsARangeOfVersions() throws {
    let range = try #require(SchemaRange("2-5"))
    #expect(range.reads(2) && range.reads(5) && !range.reads(1) && !range.reads(6))
    #expect(range.writes == 5)
    #expect(SchemaRange("0-0")?.writes == 0 && SchemaRange("1-1000000") != nil)
    #expect(try SchemaRange.of([:], "image") == nil)
}

@Test(arguments: ["", "1", "2-1", "-1-2", "1-", "a-b", "1-2-3", "1-1000001", "1 - 2"])
func aSchemaLabelThatSaysNothingIsRefused(text: String) {
    #expect(SchemaRange(text) == nil)
    let failure = #expect(throws: StageFailure.self) {
        try SchemaRange.of([SchemaRange.label: text], "image")
    }
    #expect(failure?.code == .schemaMismatch)
}

@Test func dataOfAnotherVersionIsRefusedWithBothVersionsNamed() throws {
    let range = try #require(SchemaRange("1-2"))
    try range.check(2, "image:7")
    // Nothing is known of the data.
    try range.check(nil, "image:7")
    let failure = #expect(throws: StageFailure.self) { try range.check(3, "image:7") }
    #expect(failure?.code == .schemaMismatch)
    #expect(failure?.message == "the data has schema 3; image:7 reads 1 to 2")
}

@Test func theVersionOfTheDataNeverGoesDown() {
    var state = StackState()
    state.recordSchema("molecule-tenant", 2)
    state.recordSchema("molecule-tenant", 1)
    state.recordSchema("molecule-memory-plugin", 1)
    #expect(state.schemas == ["molecule-tenant": 2, "molecule-memory-plugin": 1])
}

@Test func aStateOfAnEarlierAgentIsRead() async throws {
    try await withTemporaryFolder { folder in
        let text = #"{"images":{"molecule-tenant":{"declared":"a","current":"b"}}}"#
        try Files.replace("\(folder)/stack.json", with: Array(text.utf8))
        let state = try StackState.load("\(folder)/stack.json")
        #expect(state.chosen(["molecule-tenant": "a"]) == ["molecule-tenant": "b"])
        #expect(state.schemas == nil && state.live == nil && state.replacement == nil)
    }
}

@Test func aSlotBelongsToTheImageThatTookIt() {
    var state = StackState()
    state.record("molecule-tenant", image: "b", declared: "a", port: 8081)
    #expect(state.images["molecule-tenant"] == .init(declared: "a", current: "b", previous: "a"))
    #expect(state.livePorts(["molecule-tenant": "b"]) == ["molecule-tenant": 8081])
    // Another declaration starts over, at the first slot.
    #expect(state.livePorts(["molecule-tenant": "c"]).isEmpty)
}
