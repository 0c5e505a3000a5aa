import Foundation
import Testing

@testable import AdminCLI

@Suite struct EventParserTests {
    @Test func eventsAreFoundWhereverTheBytesAreCut() {
        let text =
            ": hello\n\nevent: stage\ndata: {\"a\":1}\n\nevent: status\r\ndata: x\r\ndata:y\r\n\r\ndata: last"
        let expected = [
            EventParser.Event(name: "stage", data: "{\"a\":1}"),
            EventParser.Event(name: "status", data: "x\ny"),
        ]
        for size in 1...40 {
            var parser = EventParser()
            var events: [EventParser.Event] = []
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                events += parser.feed(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(events == expected)
        }
    }

    @Test func onlyAWholeEventMovesTheID() {
        var parser = EventParser()
        _ = parser.feed(Array("id: 1\nevent: a\ndata: x\n\nid: 2\nevent: b\ndata: y\n".utf8))
        #expect(parser.lastEventID == "1")
        _ = parser.feed(Array("\n".utf8))
        #expect(parser.lastEventID == "2")
        // One without an id of its own has the last one's; one with a zero byte is none.
        _ = parser.feed(Array("data: z\n\nid: 3\0\ndata: z\n\n".utf8))
        #expect(parser.lastEventID == "2")
    }

    @Test func aFailureIsToldWithItsConsoleAndAWayOut() throws {
        let json = """
            {"slug":"acme","status":"failed","current_stage":null,"workflow":null,
            "stages":[{"stage":"docker","outcome":"failed","elapsed_ms":1500,
            "duration_ms":300,"code":"timeout"}],
            "error":{"code":"boot_timeout","message":"silent","console_tail":"panic"}}
            """
        let lines = try JSONDecoder().decode(BootStatus.self, from: Data(json.utf8)).lines
        #expect(lines.first == "acme: failed")
        #expect(lines.contains("  ✗ docker  0.3 s  at 1.5 s  timeout"))
        #expect(lines.contains("panic"))
        #expect(lines.contains { $0.contains("orgs delete acme") })
    }
}
