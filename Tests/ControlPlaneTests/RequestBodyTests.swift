import Foundation
import TenantProtocol
import Testing

@testable import AdminProtocol
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

@Suite struct RequestBodyTests {
    private func decode(_ json: String) throws -> BootEvent {
        try RequestBody.decode(BootEvent.self, from: Data(json.utf8))
    }

    @Test func readsAKnownShape() throws {
        let event = try decode(
            #"{"sequence":3,"stage":"docker","outcome":"failed","code":"timeout","exit_code":1}"#)
        #expect(
            event == BootEvent(sequence: 3, stage: .docker, outcome: .failed, code: .timeout, exitCode: 1))
    }

    @Test(arguments: [
        (#"{"sequence":1,"stage":"docker","outcome":"started","note":"hello"}"#, "unknown_field"),
        (#"{"sequence":1,"stage":"docker"}"#, "invalid_body"),
        (#"{"sequence":"1","stage":"docker","outcome":"started"}"#, "invalid_body"),
        (#"{"sequence":1,"stage":"lunch","outcome":"started"}"#, "invalid_body"),
        (#"[1,2]"#, "invalid_body"), ("", "invalid_body"), ("{", "invalid_body"), ("null", "invalid_body"),
    ])
    func refusesEverythingElse(_ json: String, _ code: String) {
        let error = #expect(throws: AppError.self) { try decode(json) }
        #expect(error?.code == code)
        #expect(error?.kind == .invalid)
    }

    @Test func neverRepeatsAValue() {
        let error = #expect(throws: AppError.self) {
            try decode(#"{"sequence":1,"stage":"hunter2","outcome":"started"}"#)
        }
        #expect(error?.message.contains("hunter2") == false)
    }
}
