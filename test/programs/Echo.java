// SPDX-License-Identifier: BSD-2-Clause

import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Random;

/**
 * Echo server and client, with blocking streams and with a selector.
 *
 *     java Echo.java serve|select PORT
 *     java Echo.java ask HOST PORT N      N clients at a time
 */
public class Echo {
    static void serve(int port) throws Exception {
        try (ServerSocket listener = new ServerSocket(port)) {
            while (true) {
                Socket client = listener.accept();
                new Thread(() -> echo(client)).start();
            }
        }
    }

    static void echo(Socket client) {
        try (client) {
            client.getInputStream().transferTo(client.getOutputStream());
        } catch (Exception e) {
            System.err.println(e);
        }
    }

    static void select(int port) throws Exception {
        Selector selector = Selector.open();
        ServerSocketChannel listener = ServerSocketChannel.open();

        listener.bind(new InetSocketAddress(port)).configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        while (true) {
            selector.select();
            for (SelectionKey key : selector.selectedKeys()) {
                if (key.isAcceptable()) {
                    SocketChannel client = listener.accept();
                    client.configureBlocking(false);
                    client.register(selector, SelectionKey.OP_READ,
                                    ByteBuffer.allocate(65536));
                } else {
                    pass(key);
                }
            }
            selector.selectedKeys().clear();
        }
    }

    /** Reads what there is room for, writes what it can, waits for either. */
    static void pass(SelectionKey key) throws Exception {
        SocketChannel client = (SocketChannel) key.channel();
        ByteBuffer buffer = (ByteBuffer) key.attachment();
        boolean end = key.isReadable() && client.read(buffer) < 0;

        buffer.flip();
        client.write(buffer);
        buffer.compact();
        if (end && buffer.position() == 0) {
            client.close();
            return;
        }
        key.interestOps((buffer.hasRemaining() ? SelectionKey.OP_READ : 0)
                | (buffer.position() > 0 ? SelectionKey.OP_WRITE : 0));
    }

    static void askOnce(String host, int port, int seed) throws Exception {
        byte[] sent = new byte[500_000];
        new Random(seed).nextBytes(sent);
        try (Socket s = new Socket(host, port)) {
            OutputStream out = s.getOutputStream();
            Thread writer = new Thread(() -> {
                try {
                    out.write(sent);
                    s.shutdownOutput();
                } catch (Exception e) {
                    System.err.println(e);
                }
            });
            writer.start();
            InputStream in = s.getInputStream();
            byte[] got = in.readAllBytes();
            writer.join();
            if (!Arrays.equals(sent, got))
                throw new Exception(got.length + " bytes came back");
        }
    }

    static void ask(String host, int port, int n) throws Exception {
        ArrayList<Thread> threads = new ArrayList<>();
        int[] good = {0};

        for (int i = 0; i < n; i++) {
            int seed = i;
            Thread t = new Thread(() -> {
                try {
                    askOnce(host, port, seed);
                    synchronized (good) {
                        good[0]++;
                    }
                } catch (Exception e) {
                    System.err.println(e);
                }
            });
            t.start();
            threads.add(t);
        }
        for (Thread t : threads)
            t.join();
        System.out.println(good[0]);
    }

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "serve" -> serve(Integer.parseInt(args[1]));
            case "select" -> select(Integer.parseInt(args[1]));
            default -> ask(args[1], Integer.parseInt(args[2]),
                           Integer.parseInt(args[3]));
        }
    }
}
