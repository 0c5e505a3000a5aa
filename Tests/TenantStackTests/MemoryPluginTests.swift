import CurlHTTP
import Foundation
import TestSupport
import Testing

private func withMemoryPlugin(_ body: (StackProgram, VectorDatabase) async throws -> Void) async throws {
    let database = try await VectorDatabase()
    do {
        let plugin = try StackProgram.memoryPlugin(database.url)
        do {
            try await plugin.awaitStatus(200)
            try await body(plugin, database)
        } catch {
            await plugin.process.stop()
            throw error
        }
        await plugin.process.stop()
    } catch {
        await database.remove()
        throw error
    }
    await database.remove()
}

@Suite(.enabled(if: hasPgvector, needsPgvector))
struct MemoryPluginTests {
    @Test func aMemoryIsFoundByItsNearestNeighbours() async throws {
        try await withMemoryPlugin { plugin, _ in
            let memories = [
                #"{"content":"east","embedding":[1,0,0],"metadata":{"n":1,"deep":{"list":[true,null,1.5]}}}"#,
                #"{"content":"north","embedding":[0,1,0]}"#,
                #"{"content":"north-east","embedding":[0.7,0.7,0]}"#,
            ]
            for memory in memories {
                #expect(try await plugin.send("POST", "/memories", [:], memory).status == 201)
            }
            let answer = try await plugin.send(
                "POST", "/memories/search", [:], #"{"embedding":[2,0.1,0],"limit":2}"#)
            let found = try #require(try json(answer)["memories"] as? [[String: Any]])
            #expect(found.map { $0["content"] as? String } == ["east", "north-east"])
            let score = try #require(found[0]["score"] as? Double)
            #expect(score > 0.99 && score <= 1)
            let metadata = try #require(found[0]["metadata"] as? NSDictionary)
            #expect(metadata == ["n": 1, "deep": ["list": [true, NSNull(), 1.5]]] as NSDictionary)
        }
    }

    @Test func badInputIsAProblemAndChangesNothing() async throws {
        try await withMemoryPlugin { plugin, _ in
            let long = String(repeating: "x", count: 64 << 10)
            let bodies: [(String, String, Int)] = [
                ("/memories", #"{"content":"a","embedding":[1,2]}"#, 400),
                ("/memories", #"{"content":"a","embedding":[0,0,0]}"#, 400),
                ("/memories", #"{"content":"","embedding":[1,0,0]}"#, 400),
                ("/memories", #"{"content":"a\u0000b","embedding":[1,0,0]}"#, 400),
                ("/memories", #"{"content":"x\#(long)","embedding":[1,0,0]}"#, 400),
                ("/memories", #"{"content":"a","embedding":[1,0,0],"metadata":{"k":"\#(long)"}}"#, 400),
                ("/memories", #"{"content":"a","embedding":[1,0,0],"metadata":{"k":"\u0000"}}"#, 400),
                ("/memories", #"{"content":"a","embedding":[3e38,3e38,0]}"#, 400),
                ("/memories", #"{"content":"a","embedding":[1e-40,0,0]}"#, 400),
                ("/memories", #"{"content":"a","embedding":[1e39,0,0]}"#, 400),
                ("/memories/search", #"{"embedding":[1e20,0,0]}"#, 400),
                ("/memories", #"{"content":"a"}"#, 400),
                ("/memories", "not json", 400),
                ("/memories", String(repeating: " ", count: (1 << 20) + 1), 413),
                ("/memories/search", #"{"embedding":[1,0,0],"limit":0}"#, 400),
                ("/memories/search", #"{"embedding":[1,0,0],"limit":101}"#, 400),
                ("/elsewhere", "{}", 404),
            ]
            for (path, body, status) in bodies {
                let answer = try await plugin.send("POST", path, [:], body)
                #expect(answer.status == status, "\(path) \(body.prefix(60))")
                #expect(answer.header("Content-Type") == "application/problem+json")
            }
            let answer = try await plugin.send(
                "POST", "/memories/search", [:], #"{"embedding":[1,0,0],"limit":100}"#)
            #expect(try json(answer)["memories"] as? [String] == [])
        }
    }

    @Test func itKeepsItsMemoriesOverARestartAndRefusesAnotherLength() async throws {
        try await withMemoryPlugin { plugin, database in
            _ = try await plugin.send("POST", "/memories", [:], #"{"content":"kept","embedding":[1,0,0]}"#)
            await plugin.process.stop()

            let again = try StackProgram.memoryPlugin(database.url)
            try await again.awaitStatus(200)
            let answer = try await again.send("POST", "/memories/search", [:], #"{"embedding":[1,0,0]}"#)
            await again.process.stop()
            #expect(answer.text.contains("kept"))

            let other = try StackProgram.memoryPlugin(database.url, dimensions: 4)
            try await other.process.waitForOutput("embeddings of 3 numbers, not of 4")
            try await other.awaitStatus(503)
            await other.process.stop()
        }
    }
}

@Test func memoryPluginStartsBeforeItsDatabaseAndSaysSo() async throws {
    let plugin = try StackProgram.memoryPlugin("postgresql://127.0.0.1:\(try freePort())/none")
    do {
        try await plugin.awaitStatus(503)
    } catch {
        await plugin.process.stop()
        throw error
    }
    await plugin.process.stop()
}

@Test(arguments: [("memory-plugin", "DATABASE_URL"), ("workspace-server", "REDIS_URL")])
func aProgramWithoutItsVariablesNamesThemAndEnds(product: String, variable: String) async throws {
    var environment = ["PATH": "/usr/bin"]
    environment["LD_LIBRARY_PATH"] = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]
    let (status, output) = try await runCommand(builtProduct(product), environment: environment)
    #expect(status == 78)
    #expect(output.contains("\(variable) is missing"))
}
