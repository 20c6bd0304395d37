// Short texts of a made-up company's handbook, and questions with the texts that answer them, as
// whoever wrote both judged it. Several texts share words with questions that they do not answer.
// Letters and blanks and full stops only, so that a word is what stands between them.
#pragma once

#include <string>
#include <vector>

namespace cordon {

struct HandbookText {
  const char* id;
  const char* text;
};

struct JudgedQuestion {
  const char* text;
  std::vector<std::string> relevant;  // ids
};

inline const std::vector<HandbookText> kHandbook = {
    {"leave1",
     "Every employee has thirty days of paid holiday a year. Request your holiday in the calendar "
     "at least two weeks before it begins, and your lead will approve it."},
    {"leave2",
     "Days of holiday that remain at the end of December carry over until the end of March. After "
     "that they are lost, unless illness kept you from taking them."},
    {"leave3",
     "Parental leave lasts up to fourteen months for both parents together. Tell the people team "
     "seven weeks before the leave starts, in writing."},
    {"sick1",
     "If you fall ill, tell your lead by nine in the morning of the first day. From the fourth day "
     "of illness on we need a certificate from a doctor."},
    {"sick2",
     "Illness during a holiday does not count as holiday. Send the certificate of the doctor, and "
     "the days are given back to you."},
    {"sick3",
     "Whoever cares for an ill child may stay at home for ten days a year with pay. The doctor of "
     "the child writes the certificate."},
    {"travel1",
     "Book trains and flights through the travel desk. Trips of less than six hours go by train, "
     "in second class, and flights need the approval of a director."},
    {"travel2",
     "Expenses of a trip are paid back within two weeks. Upload a photograph of each receipt, and "
     "name the project that the trip was made for."},
    {"travel3",
     "Hotels cost at most one hundred and twenty a night. Breakfast is included in the allowance "
     "for meals, which differs by country."},
    {"password1",
     "A password has at least sixteen characters. Use the password manager to make one and to keep "
     "it, and never use the same password for two services."},
    {"password2",
     "If you have forgotten your password, reset it on the login page. The link for the reset is "
     "sent to your phone and ends after ten minutes."},
    {"password3",
     "Administrators log in with a hardware key beside their password. A lost hardware key is "
     "reported to the security desk at once and revoked the same hour."},
    {"laptop1",
     "New colleagues receive a laptop on their first day. The disk is encrypted, and the system "
     "installs updates by itself at night."},
    {"laptop2",
     "Report a stolen laptop to the security desk within an hour. We wipe the disk remotely and "
     "revoke every certificate that was on it."},
    {"laptop3",
     "A broken screen or battery is repaired by the hardware desk on the second floor. You get "
     "another laptop for the time of the repair."},
    {"backup1",
     "The database is backed up every night. Backups are kept for thirty days, encrypted, in "
     "another region than the servers."},
    {"backup2",
     "To restore the database from a backup, stop the writers, copy the newest full backup and "
     "replay the log up to the moment before the damage."},
    {"backup3",
     "Each quarter the team on duty restores a backup to an empty machine and compares the number "
     "of rows in every table. The result is written into the log of exercises."},
    {"deploy1",
     "A release goes to one server first. If its rate of errors stays low for half an hour, the "
     "deployment goes on to the other servers."},
    {"deploy2",
     "Roll a deployment back with the same command that deployed it and the number of the release "
     "before. Migrations of the schema are not rolled back."},
    {"deploy3",
     "There are no deployments on Fridays after noon and none on public holidays, except to mend "
     "an outage. Ask the engineer on duty."},
    {"oncall1",
     "The engineer on duty answers an alert within fifteen minutes. Duty lasts a week, from Monday "
     "to Monday, and is paid by the day."},
    {"oncall2",
     "An outage that customers notice gets an incident channel and someone who leads it. Nobody "
     "changes anything without saying so in the channel."},
    {"oncall3",
     "After an incident we write a review without blame. It tells what happened, why the alert "
     "came late or early, and what will be mended by whom."},
    {"network1",
     "Reach internal services from home through the tunnel. The client of the tunnel is on every "
     "laptop and connects when you log in."},
    {"network2",
     "Guests use the wireless network for visitors. Its key changes each Monday and is written on "
     "the board in the lobby."},
    {"network3",
     "The firewall closes every port that nobody has asked for. To open one, file a request that "
     "names the service, its owner and the day on which the port is closed again."},
    {"hiring1",
     "Every applicant talks to at least four colleagues, one of them from another team. All write "
     "down what they think before they speak with each other."},
    {"hiring2",
     "Whoever recommends a friend who is hired receives a bonus after the trial period of six "
     "months has ended."},
    {"hiring3",
     "Applications of people who were not hired are erased after six months. Ask the applicant "
     "before keeping one for longer."},
    {"pay1",
     "Salaries are paid on the twenty fifth of each month. The payslip is in the portal a day "
     "before, and the people team answers questions about it."},
    {"pay2",
     "Salaries are reviewed in April. Leads propose raises, and a committee compares them between "
     "teams so that the same work has the same pay."},
    {"pay3",
     "The pension fund takes five percent of the salary, and the company adds as much again. You "
     "may change your part once a year."},
    {"office1",
     "The building opens at six in the morning and closes at ten in the evening. At other times "
     "your badge opens the door by the garage only."},
    {"office2",
     "Reserve a meeting room in the calendar. A room that nobody has entered ten minutes after the "
     "beginning is free again."},
    {"office3",
     "In a fire leave by the nearest stairs and never by the lift. The meeting point is the car "
     "park behind the building, where the wardens count everybody."},
    {"privacy1",
     "Customers may ask which personal data we hold about them. Answer within a month, and check "
     "first that it is they who ask."},
    {"privacy2",
     "Personal data of customers are erased two years after the contract has ended, unless a court "
     "or the tax office obliges us to keep them."},
    {"privacy3",
     "A leak of personal data is told to the authority within seventy two hours. The officer for "
     "privacy decides whether the customers are told as well."},
    {"legal1",
     "Contracts above fifty thousand are signed by two directors. The legal desk reads every "
     "contract before it is signed, and keeps the original."},
    {"legal2",
     "Ask the legal desk before you use a library whose licence obliges us to publish our own "
     "source code."},
    {"legal3",
     "Gifts from suppliers are refused if they are worth more than thirty. Smaller ones are "
     "written down in the register of gifts."},
    {"code1",
     "Every change is reviewed by a colleague before it is merged. The reviewer runs the tests and "
     "reads the change, not only its description."},
    {"code2",
     "A test that fails now and then is mended or removed within a week. Nobody merges while the "
     "main branch is red."},
    {"code3",
     "Secrets and keys never stand in source code. A scanner looks at each commit, and a key that "
     "was committed counts as stolen and is revoked."},
    {"learn1",
     "Each colleague has a thousand a year for courses, books and conferences. Your lead approves "
     "what costs more than half of it."},
    {"learn2",
     "On the first Friday of a month nobody has meetings. The day is there for learning and for "
     "experiments."},
    {"learn3",
     "New colleagues have a mentor for their first three months. The mentor is from another team "
     "and answers what one does not dare to ask."},
};

inline const std::vector<JudgedQuestion> kJudged = {
    {"how many days of holiday do I have", {"leave1", "leave2"}},
    {"what happens to holidays that I did not take by December", {"leave2"}},
    {"leave for parents of a new baby", {"leave3"}},
    {"when do I need a certificate from a doctor", {"sick1", "sick2", "sick3"}},
    {"I became ill during my holiday", {"sick2"}},
    {"my child is ill and I must stay at home", {"sick3"}},
    {"booking a flight for a business trip", {"travel1"}},
    {"getting expenses back with receipts", {"travel2"}},
    {"how much may a hotel cost", {"travel3"}},
    {"I forgot my password", {"password2"}},
    {"rules for choosing passwords", {"password1", "password2"}},
    {"lost hardware key of an administrator", {"password3"}},
    {"my laptop was stolen", {"laptop2"}},
    {"repairing a broken laptop", {"laptop3"}},
    {"are disks of laptops encrypted", {"laptop1", "laptop2"}},
    {"restoring the database from backups", {"backup2", "backup3"}},
    {"how long are backups kept", {"backup1"}},
    {"roll back a release", {"deploy2"}},
    {"may we deploy on a Friday", {"deploy3"}},
    {"rate of errors after a deployment", {"deploy1"}},
    {"how fast must an alert be answered by the engineer on duty", {"oncall1"}},
    {"review of an incident", {"oncall3", "oncall2"}},
    {"connect to internal services from home", {"network1"}},
    {"wireless network for guests and visitors", {"network2"}},
    {"open a port of the firewall", {"network3"}},
    {"bonus for recommending a friend", {"hiring2"}},
    {"how long do we keep applications of people we did not hire", {"hiring3"}},
    {"when is my salary paid", {"pay1"}},
    {"raises of salaries", {"pay2"}},
    {"what does the company add to my pension", {"pay3"}},
    {"opening hours of the building at night", {"office1"}},
    {"reserving rooms for meetings", {"office2"}},
    {"what to do when there is a fire", {"office3"}},
    {"a customer asks about personal data", {"privacy1"}},
    {"erasing the data of customers after a contract", {"privacy2"}},
    {"who is told of a leak of personal data", {"privacy3"}},
    {"who signs contracts", {"legal1"}},
    {"licences of libraries and our source code", {"legal2"}},
    {"a key was committed to the source code", {"code3"}},
    {"reviewing changes before merging them", {"code1"}},
    {"tests that fail sometimes", {"code2"}},
    {"money for courses and conferences", {"learn1"}},
    {"who is the mentor of new colleagues", {"learn3"}},
};

}  // namespace cordon
