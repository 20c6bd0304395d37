// Texts of many kinds, to count the tokens of.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cordon {

inline const std::vector<std::pair<std::string, std::string>> kTokenSamples = {
    {"English",
     "All human beings are born free and equal in dignity and rights. They are endowed with reason "
     "and conscience and should act towards one another in a spirit of brotherhood."},
    {"German",
     "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und "
     "Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen."},
    {"French",
     "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de "
     "raison et de conscience et doivent agir les uns envers les autres dans un esprit de "
     "fraternité."},
    {"Spanish",
     "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están "
     "de razón y conciencia, deben comportarse fraternalmente los unos con los otros."},
    {"Polish",
     "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni "
     "obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa."},
    {"Finnish",
     "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on "
     "annettu järki ja omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä."},
    {"Turkish",
     "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler "
     "ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler."},
    {"Greek",
     "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι "
     "προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα "
     "αδελφοσύνης."},
    {"Russian",
     "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и "
     "совестью и должны поступать в отношении друг друга в духе братства."},
    {"Arabic",
     "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل "
     "بعضهم بعضا بروح الإخاء."},
    {"Hindi",
     "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता "
     "और समानता प्राप्त है। उन्हें बुद्धि "
     "और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।"},
    {"Chinese",
     "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"},
    {"Japanese",
     "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、"
     "理"
     "性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。"},
    {"Korean",
     "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 "
     "이성과 "
     "양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다."},
    {"emoji",
     "Done ✅ 🎉🎉 see you 👋🏽 tomorrow 🙂 — it was 🔥🔥🔥, really ❤️ "
     "👨‍👩‍👧"},
    {"C++",
     "for (size_t i = 0; i + 1 < parts.size(); ++i) {\n  const auto it = ranks.find(parts[i] + "
     "parts[i + 1]);\n  if (it != ranks.end() && it->second < lowest) {\n    best = i;\n    lowest "
     "= it->second;\n  }\n}\n"},
    {"Python",
     "def level(path):\n    with open(path, encoding='utf-8') as file:\n        for line in "
     "file:\n "
     "           if line.startswith('wal_level'):\n                return "
     "line.split('=')[1].strip()\n    return None\n"},
    {"JSON",
     "{\"id\":\"q17\",\"as\":\"user:ana\",\"vector\":[0.125,-0.5,0.0078125],\"k\":10,\"rank\":"
     "\"hybrid\",\"filter\":{\"and\":[{\"attr\":\"year\",\"gte\":2020},{\"attr\":\"lang\",\"in\":["
     "\"en\",\"de\"]}]}}"},
    {"a log",
     "2026-11-28T01:30:24.118Z ERROR 4711 --- [worker-3] c.e.Store: write of segment "
     "0000017f.sst failed: No space left on device (errno 28), 3 of 64 retries\n"},
    {"a table of numbers",
     "| 1 % | 301 | 24 | 14.2 |\n| 10 % | 3,002 | 60 | 12.0 |\n| 50 % | 15,171 | 127 | 7.8 |\n"},
    {"hexadecimal", "3b5d5c3712955042212316173ccf37be800c1f0a8d2f4e6b9a7c5d3e1f0b2a49"},
    {"base64", "TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24sIGJ1dCBieSB0aGlz"},
    {"URLs",
     "https://www.example.org/docs/current/continuous-archiving.html?highlight=wal#BACKUP-TIPS "
     "https://example.com/a/b/c.tar.gz"},
    {"English in capitals",
     "WARNING: THIS OPERATION CANNOT BE UNDONE. ALL BACKUPS OF THE TENANT WILL BE DESTROYED."},
    {"long German words",
     "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz, "
     "Donaudampfschifffahrtsgesellschaftskapitän, Grundstücksverkehrsgenehmigungszuständigkeit"},
    {"line feeds and blanks",
     "a\n\n\n\n\n\n\n\n\n\n\n\n        b\n\n\n\n\t\t\t\tc                d"},
};

}  // namespace cordon
