import DurableFiles
import Foundation
import TestSupport
import Testing

/// One folder that somebody else fills, and one beside it that nothing may reach.
private struct Scene {
    let folder: Folder
    let path: String
    let outside: String
    let victim: String

    init(_ root: String) throws {
        path = "\(root)/shared"
        outside = "\(root)/outside"
        victim = "\(outside)/victim"
        for folder in [path, outside] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        }
        try Data("untouched".utf8).write(to: URL(filePath: victim))
        folder = try #require(try Folder.open(path))
    }

    static func run(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let scene = try Scene(root)
            let start = ContinuousClock.now
            try await body(scene)
            #expect(ContinuousClock.now - start < .seconds(5), "somebody was waited for")
            #expect(try Data(contentsOf: URL(filePath: scene.victim)) == Data("untouched".utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: scene.outside) == ["victim"])
        }
    }
}

@Suite(.enabled(if: geteuid() == 0, "makes a device and changes owners"))
struct FolderTests {
    @Test func whatIsWrittenIsRead() async throws {
        try await Scene.run { scene in
            #expect(try scene.folder.read("a", atMost: 10) == nil)
            try scene.folder.replace("a", with: [1, 2, 3])
            try scene.folder.replace("a", with: [4, 5])
            #expect(try scene.folder.read("a", atMost: 2) == [4, 5])
            #expect(try scene.folder.status("a")?.mode == 0o600)
            let below = try scene.folder.makeFolder("b").makeFolder("c")
            #expect(try below.status().mode == 0o700)
            #expect(try scene.folder.names().sorted() == ["a", "b"])
            try scene.folder.removeContents()
            #expect(try scene.folder.names().isEmpty)
        }
    }

    @Test func noMoreIsReadThanIsAskedFor() async throws {
        try await Scene.run { scene in
            try scene.folder.replace("a", with: [1, 2, 3])
            let refusal = #expect(throws: Folder.Unsuitable.self) { try scene.folder.read("a", atMost: 2) }
            #expect(refusal?.reason == "it is longer than 2 bytes")
        }
    }

    @Test(arguments: Trap.allCases) func noTrapIsReadOrLocked(trap: Trap) async throws {
        try await Scene.run { scene in
            try trap.set(at: "\(scene.path)/a", victim: scene.victim)
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.read("a", atMost: 100) }
            if trap == .sparse {
                // A file for all that: its end is far away, and nobody goes there.
                #expect(try scene.folder.file("a")?.read(atMost: 10) == [UInt8](repeating: 0, count: 10))
            } else {
                #expect(throws: Folder.Unsuitable.self) { try scene.folder.file("a", isWritten: true) }
                #expect(throws: Folder.Unsuitable.self) { try scene.folder.lock("a") }
            }
            #expect(throws: (any Error).self) { try scene.folder.create("a") }
        }
    }

    @Test(arguments: Trap.allCases) func noTrapIsWrittenThrough(trap: Trap) async throws {
        try await Scene.run { scene in
            try trap.set(at: "\(scene.path)/a", victim: scene.victim)
            if trap == .directory {
                #expect(throws: (any Error).self) { try scene.folder.replace("a", with: [1]) }
            } else {
                try scene.folder.replace("a", with: [1])
                #expect(try scene.folder.read("a", atMost: 1) == [1])
            }
            #expect(try scene.folder.names() == ["a"], "nothing is left beside it")
        }
    }

    @Test(arguments: Trap.allCases) func onlyTheNameOfATrapIsRemoved(trap: Trap) async throws {
        try await Scene.run { scene in
            try trap.set(at: "\(scene.path)/a", victim: scene.victim)
            try scene.folder.removeContents()
            #expect(try scene.folder.names().isEmpty)
        }
    }

    @Test(arguments: Trap.allCases) func noTrapIsADirectory(trap: Trap) async throws {
        try await Scene.run { scene in
            try trap.set(at: "\(scene.path)/a", victim: trap == .symbolicLink ? scene.outside : scene.victim)
            if trap == .directory {
                #expect(try scene.folder.folder("a") != nil)
            } else {
                #expect(throws: Folder.Unsuitable.self) { try scene.folder.folder("a") }
                #expect(throws: Folder.Unsuitable.self) { try scene.folder.makeFolder("a") }
            }
            #expect(throws: Folder.Unsuitable.self) {
                if trap == .directory { throw Folder.Unsuitable(path: "", reason: "") }
                _ = try Folder.open("\(scene.path)/a")
            }
        }
    }

    /// A tree with every trap in it goes to another user; what the traps lead to does not.
    @Test func whatIsGivenAwayIsNotWhatALinkLeadsTo() async throws {
        try await Scene.run { scene in
            for trap in Trap.allCases {
                try trap.set(at: "\(scene.path)/\(trap)", victim: scene.victim)
            }
            try scene.folder.makeFolder("below").replace("file", with: [1])
            let everything = try #require(try Folder.open(scene.path, isOpenToAnyOwner: true))
            try everything.give(to: .init(user: 4_711, group: 4_712))
            let owners = try everything.names().reduce(into: [:]) {
                $0[$1] = try everything.status($1)?.owner
            }
            let given = owners.filter { $0.value == 4_711 }.keys.sorted()
            #expect(given == ["below", "directory", "sparse"])
            #expect(try everything.folder("below")?.status("file")?.owner == 4_711)
            #expect(try everything.status().group == 4_712)
            var victim = stat()
            stat(scene.victim, &victim)
            #expect(victim.st_uid == 0 && victim.st_gid == 0)
        }
    }

    @Test func whatBelongsToSomebodyElseIsNotUsed() async throws {
        try await Scene.run { scene in
            chown(scene.path, 4_711, 4_711)
            let folder = try #require(try Folder.open(scene.path))
            // Of this process, of the folder's owner, and of a third.
            for (name, owner) in [("own", 0), ("theirs", 4_711), ("third", 4_712)] as [(String, uid_t)] {
                try folder.replace(name, with: [1])
                chown("\(scene.path)/\(name)", owner, owner)
                _ = try folder.makeFolder("\(name)-folder")
                chown("\(scene.path)/\(name)-folder", owner, owner)
            }
            for name in ["own", "theirs"] {
                #expect(try folder.read(name, atMost: 1) == [1])
                #expect(try folder.folder("\(name)-folder") != nil)
            }
            #expect(throws: Folder.Unsuitable.self) { try folder.read("third", atMost: 1) }
            #expect(throws: Folder.Unsuitable.self) { try folder.folder("third-folder") }
        }
    }

    /// The kernel takes an absolute path whatever directory it is asked in.
    @Test(arguments: ["", ".", "..", "a/b", "../outside/victim", "ABSOLUTE"])
    func aWayIsNoName(name: String) async throws {
        try await Scene.run { scene in
            let name = name == "ABSOLUTE" ? scene.victim : name
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.status(name) }
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.read(name, atMost: 100) }
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.create(name) }
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.replace(name, with: [1]) }
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.lock(name) }
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.folder(name) }
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.makeFolder(name) }
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.remove(name) }
            #expect(throws: Folder.Unsuitable.self) { try scene.folder.removeFolder(name) }
        }
    }

    /// A name that no text is: neither listed nor in anybody's way.
    @Test func aNameThatIsNoTextIsLeftOut() async throws {
        try await Scene.run { scene in
            let path = Array("\(scene.path)/".utf8) + [0xFF, 0xFE, 0x0A, 0]
            let made = path.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer {
                mkdir($0.baseAddress!, 0o700)
            }
            #expect(made == 0)
            try scene.folder.replace("a", with: [1])
            #expect(try scene.folder.names() == ["a"])
        }
    }

    /// A lease holds up whoever opens the file, for 45 s by default: `fcntl(2)`.
    @Test func theHolderOfALeaseIsNotWaitedFor() async throws {
        try await Scene.run { scene in
            try scene.folder.replace("a", with: [1])
            let program = """
                import fcntl, os, signal, sys, time
                signal.signal(signal.SIGIO, signal.SIG_IGN)
                file = os.open(sys.argv[1], os.O_RDWR)
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
                print("ready", flush=True)
                time.sleep(60)
                """
            let holder = try ChildProcess("/usr/bin/env", ["python3", "-c", program, "\(scene.path)/a"])
            try await holder.waitForOutput("ready")
            let failure = #expect(throws: SystemError.self) { try scene.folder.read("a", atMost: 1) }
            #expect(failure?.code == EWOULDBLOCK)
            kill(holder.processIdentifier, SIGKILL)
            await holder.stop()
        }
    }

    /// Two names change places all the time: what is opened by name is either the folder or nothing.
    @Test func aDirectoryThatIsSwappedForALinkIsNeverLeft() async throws {
        try await Scene.run { scene in
            _ = try scene.folder.makeFolder("a")
            symlink(scene.outside, "\(scene.path)/b")
            let program = """
                import ctypes, sys
                exchange = ctypes.CDLL(None).renameat2
                one, other = (word.encode() for word in sys.argv[1:3])
                print("ready", flush=True)
                while True:
                    exchange(-100, one, -100, other, 2)
                """
            let swapping = try ChildProcess(
                "/usr/bin/env", ["python3", "-c", program, "\(scene.path)/a", "\(scene.path)/b"])
            try await swapping.waitForOutput("ready")
            var (written, refused) = (0, 0)
            let end = ContinuousClock.now + .seconds(4)
            while written < 50 || refused < 50, ContinuousClock.now < end {
                do {
                    let folder = try scene.folder.makeFolder("a")
                    try folder.replace("new", with: [1])
                    try folder.remove("new")
                    written += 1
                } catch is Folder.Unsuitable {
                    refused += 1
                }
            }
            await swapping.stop()
            #expect(written > 10 && refused > 10, "\(written) written, \(refused) refused")
        }
    }
}
