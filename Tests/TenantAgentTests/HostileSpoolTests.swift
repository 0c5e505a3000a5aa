import Foundation
import Synchronization
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent
@testable import TenantSpool

/// The tenant's container has been taken over: it puts whatever it likes in the place of everything that
/// the agent looks at. The agent is root; outside of the tenant's folder nothing may change, nothing may be
/// read, and neither may it wait nor end.
@Suite(.enabled(if: geteuid() == 0, "makes devices"))
struct HostileSpoolTests {
    /// A tenant's folder with a stream of three records, and one beside it that nothing may reach.
    private struct Scene {
        let tenant: String
        let outside: String
        let stream: StreamFolder
        let before: [String]

        var path: String { stream.folder.path }
        var spool: String { "\(tenant)/spool/usage" }

        init(_ root: String) async throws {
            tenant = "\(root)/tenant"
            outside = "\(root)/outside"
            for path in [tenant, outside] {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            }
            try await recordUsage(1...3, tenant)
            stream = try spoolStreams(tenant)[0]
            // As a stream is, and full of what an attacker would want to have read or removed.
            let line = SpoolRecord(sequence: 4, payload: Array(#"{"secret":"canary"}"#.utf8)).line
            for name in ["000000000001.log", "000000000004.log", "origin", "writer.lock", "last-error"] {
                try Data(line).write(to: URL(filePath: "\(outside)/\(name)"))
            }
            try Data(#"{"acknowledged":3,"lost":[],"refused":0}"#.utf8)
                .write(to: URL(filePath: "\(outside)/progress"))
            before = try inventory(outside)
        }

        static func run(_ body: (Scene) async throws -> Void) async throws {
            try await withTemporaryFolder { root in
                let scene = try await Scene(root)
                try await body(scene)
                #expect(try inventory(scene.outside) == scene.before, "nothing outside is touched")
            }
        }

        /// Everything that the agent does there, once.
        func pass(_ platform: SpoolPlatform) async {
            let start = ContinuousClock.now
            _ = try? await platform.sender(tenant).sendAll()
            _ = try? tidySpool(
                tenant, now: Int(Date().timeIntervalSince1970) + StreamRetention.keptSeconds + 60)
            _ = try? SpoolStatus(.usage, spoolFolders(tenant))
            #expect(ContinuousClock.now - start < .seconds(5), "it waited")
        }
    }

    private static let names = [
        "000000000001.log", "000000000004.log", "origin", "progress", "writer.lock", "refused",
    ]

    @Test(arguments: Trap.allCases, names) func aTrapInTheStreamLeadsNowhere(trap: Trap, name: String)
        async throws
    {
        try await Scene.run { scene in
            try? FileManager.default.removeItem(atPath: "\(scene.path)/\(name)")
            let victim = name == "refused" ? "" : "/\(name)"
            try trap.set(
                at: "\(scene.path)/\(name)",
                victim: trap == .hardLink && victim.isEmpty
                    ? "\(scene.outside)/origin" : scene.outside + victim)
            // It refuses everything: refused records are kept, and progress is written.
            let platform = SpoolPlatform { _, _ in (400, []) }
            if trap == .hardLink {
                // The second name is there already: that alone is no touch.
                unlink("\(scene.path)/\(name)")
                link("\(scene.path)/000000000001.log", "\(scene.path)/\(name)")
            }
            for _ in 0..<2 { await scene.pass(platform) }
            #expect(!platform.all.contains { $0.ids.contains { $0.contains("canary") } })
        }
    }

    /// Another stream's records go all the same.
    @Test(arguments: Trap.allCases) func aTrapForAStreamHoldsUpNoOther(trap: Trap) async throws {
        try await Scene.run { scene in
            for epoch in ["00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"] {
                let victim = trap == .symbolicLink ? scene.outside : "\(scene.outside)/origin"
                if trap == .hardLink {
                    try Data("x".utf8).write(to: URL(filePath: "\(scene.spool)/\(epoch)"))
                } else {
                    try trap.set(at: "\(scene.spool)/\(epoch)", victim: victim)
                }
            }
            let platform = SpoolPlatform()
            await scene.pass(platform)
            #expect(platform.all.flatMap(\.ids) == usageIDs(1...3))
        }
    }

    @Test(arguments: Trap.allCases, ["spool", "spool/usage"])
    func aTrapForAllStreamsLeadsNowhere(trap: Trap, name: String) async throws {
        try await Scene.run { scene in
            try FileManager.default.moveItem(
                atPath: "\(scene.tenant)/\(name)", toPath: "\(scene.tenant)/aside")
            guard trap != .hardLink else { return }
            try trap.set(
                at: "\(scene.tenant)/\(name)",
                victim: trap == .symbolicLink ? scene.outside : "\(scene.outside)/origin")
            let platform = SpoolPlatform()
            await scene.pass(platform)
            #expect(platform.all.isEmpty)
        }
    }

    /// What cannot be arithmetic: an agent that ends with it never comes up again.
    @Test func numbersAtTheirExtremesEndNothing() async throws {
        try await Scene.run { scene in
            let forged = [
                #"{"acknowledged":9223372036854775807,"lost":[],"refused":0}"#,
                #"{"acknowledged":-5,"lost":[],"refused":0}"#,
                #"{"acknowledged":0,"lost":[{"from":\#(Int.min),"to":\#(Int.max)}],"refused":0}"#,
                #"{"acknowledged":0,"lost":[],"refused":9223372036854775807}"#,
            ]
            for text in forged {
                try Data(text.utf8).write(to: URL(filePath: "\(scene.path)/progress"))
                #expect(try spoolProgress(scene.tenant) == StreamProgress())
            }
            let extremes = [Int.max, Int.max - 1, 1 << 53, (1 << 53) + 1]
            let lines = extremes.flatMap { SpoolRecord(sequence: $0, payload: Array("{}".utf8)).line }
            for name in [
                "000000000004.log", "9223372036854775807.log", "-00000000001.log", "+00000000005.log",
            ] {
                try Data(lines).write(to: URL(filePath: "\(scene.path)/\(name)"))
            }
            #expect(try scene.stream.segments().map(\.first) == [1, 4])
            let platform = SpoolPlatform { _, _ in
                (200, [SequenceRange(from: .min, to: .max), SequenceRange(from: .min, to: 2)])
            }
            for _ in 0..<3 { await scene.pass(platform) }
            #expect(platform.all.flatMap(\.ids).contains(usageEvent(1).id))
            #expect(try spoolProgress(scene.tenant).acknowledged <= 1 << 53)
        }
    }

    /// The epoch stands in a request's body and in the log.
    @Test(arguments: [
        #"","events":[],"epoch":"1111111111111"#, "00000000-0000-4000-8000-00000000000\n",
        "AAAAAAAA-0000-4000-8000-000000000000", "00000000-0000-4000-8000-0000000000\u{1B}[",
    ]) func onlyAnEpochIsAStream(name: String) async throws {
        try await Scene.run { scene in
            #expect(name.utf8.count == 36)
            try FileManager.default.createDirectory(
                atPath: "\(scene.spool)/\(name)", withIntermediateDirectories: false)
            let spool = try #require(try SpoolFolder(.usage, in: scene.tenant))
            #expect(try spool.epochs() == [scene.stream.epoch])
        }
    }

    /// No record in it, and more of it than a disk has.
    @Test func aSegmentWithoutAnEndCostsItsLimit() async throws {
        try await Scene.run { scene in
            let junk = open("\(scene.path)/000000000004.log", O_WRONLY | O_CREAT, 0o600)
            // Lines of half a mebibyte that take no room, then many of nothing, then a record beyond the
            // limit.
            for line in 1...70 { #expect(pwrite(junk, "\n", 1, off_t(line) << 19) == 1) }
            let empty = [UInt8](repeating: UInt8(ascii: "\n"), count: 1 << 18)
            #expect(pwrite(junk, empty, empty.count, 1 << 20) == empty.count)
            let record = SpoolRecord(sequence: 4, payload: try encoded(usageEvent(4))).line
            #expect(
                pwrite(junk, record, record.count, off_t(StreamFolder.Segment.maximumBytes)) == record.count)
            ftruncate(junk, 1 << 42)
            close(junk)
            let platform = SpoolPlatform()
            for _ in 0..<3 { await scene.pass(platform) }
            #expect(platform.all.flatMap(\.ids) == usageIDs(1...3))
        }
    }

    /// An agent that is root keeps nothing for a tenant without a limit.
    @Test func refusedRecordsAreKeptUpToALimit() async throws {
        try await Scene.run { scene in
            let delivery = try deliveryFolder(scene.tenant)
            let record = SpoolRecord(sequence: 1, payload: Array("{}".utf8))
            for number in 0..<DeliveryFolder.maximumRefused {
                #expect(try delivery.keepRefused(record, of: "epoch\(number)", answer: []))
            }
            #expect(try !delivery.keepRefused(record, of: "another", answer: []))
        }
    }

    /// All of it at once, at random, in a thread of its own, for as long as the agent works.
    @Test func anAttackerAtWorkReachesNothing() async throws {
        try await Scene.run { scene in
            let attacker = Attacker(scene.tenant, epoch: scene.stream.epoch, outside: scene.outside)
            attacker.start()
            var passes = 0
            let end = ContinuousClock.now + .seconds(6)
            while ContinuousClock.now < end {
                passes += 1
                let round = passes
                await scene.pass(SpoolPlatform { _, number in ((number + round) % 3 == 0 ? 400 : 200, []) })
            }
            attacker.stop()
            print("hostile spool: \(passes) passes, \(attacker.count) attacks")
            #expect(passes > 20 && attacker.count > 200)
            // And when it is over, what is recorded arrives.
            try? FileManager.default.removeItem(atPath: "\(scene.tenant)/spool")
            try await recordUsage(4...5, scene.tenant)
            let platform = SpoolPlatform()
            _ = try await platform.sender(scene.tenant).sendAll()
            #expect(platform.all.flatMap(\.ids) == usageIDs(4...5))
        }
    }
}

private final class Attacker: Sendable {
    private let tenant: String
    private let epoch: String
    private let outside: String
    private let isOver = Atomic<Bool>(false)
    private let attacks = Atomic<Int>(0)
    private let ended = DispatchSemaphore(value: 0)

    var count: Int { attacks.load(ordering: .relaxed) }

    init(_ tenant: String, epoch: String, outside: String) {
        self.tenant = tenant
        self.epoch = epoch
        self.outside = outside
    }

    func start() {
        Thread.detachNewThread { [self] in
            while !isOver.load(ordering: .relaxed) { attack() }
            ended.signal()
        }
    }

    func stop() {
        isOver.store(true, ordering: .relaxed)
        ended.wait()
    }

    private func attack() {
        attacks.add(1, ordering: .relaxed)
        let stream = "\(tenant)/spool/usage/\(epoch)"
        let targets =
            ["\(tenant)/spool", "\(tenant)/spool/usage", stream]
            + ["000000000001.log", "000000000002.log", "origin", "progress", "writer.lock", "refused"]
            .map { "\(stream)/\($0)" }
        let target = targets.randomElement() ?? stream
        let aside = "\(tenant)/aside-\(UInt32.random(in: 0...99))"
        // The trap comes and goes; in between everything is as it was.
        let hadIt = rename(target, aside) == 0
        let trap = Trap.allCases.randomElement() ?? .fifo
        let name = target.split(separator: "/").last.map(String.init) ?? ""
        let isFolder = !name.contains(".") && name != "origin" && name != "progress"
        if trap == .hardLink {
            link("\(stream)/000000000001.log", target)
        } else {
            try? trap.set(at: target, victim: isFolder ? outside : "\(outside)/\(name)")
        }
        usleep(UInt32.random(in: 0...3_000))
        if trap == .directory { rmdir(target) } else { unlink(target) }
        if hadIt { rename(aside, target) }
        for number in 2...4 {
            let line = SpoolRecord(sequence: number, payload: Array("{}".utf8)).line
            let file = open(
                "\(stream)/00000000000\(number).log", O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
            if file >= 0 {
                _ = write(file, line, line.count)
                close(file)
            }
        }
    }
}
